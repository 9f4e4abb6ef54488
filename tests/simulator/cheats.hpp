#pragma once
// Schemes that cheat or misbehave, registered before main so that the zygote knows them. Their names start with
// "cheat_", which the conformance matrix passes over; they exist in the test program only.

#include "schemes/scheme.hpp"

namespace kvfrontier::tests {

using core::Index;

// What they share: no size options, a message of N d bits at most.
class Cheat : public schemes::Scheme {
 public:
  std::string summary() const override { return "a planted cheat"; }
  std::string paper() const override { return "-"; }
  std::string guarantee() const override { return "none"; }
  static core::Bits entries(const schemes::PublicParams& params) { return params.tokens() * params.d; }
};

// Answers from a function.
template <class Answer>
class AnsweringDecoder : public schemes::Decoder {
 public:
  explicit AnsweringDecoder(Answer answer) : answer_(std::move(answer)) {}
  core::RowMatrixD attend(core::RowsViewD queries) const override { return answer_(queries); }

 private:
  Answer answer_;
};
template <class Answer>
std::unique_ptr<schemes::Decoder> answering(Answer answer) {
  return std::make_unique<AnsweringDecoder<Answer>>(std::move(answer));
}

}  // namespace kvfrontier::tests
