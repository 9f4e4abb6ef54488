#pragma once
// Policies that keep some tokens of a stream and drop the others for ever, on keys alone. Both parties can run one when
// the keys are public: then the kept set is a function of the public coins and needs no index.

#include <vector>

#include "schemes/codec/attention_scores.hpp"

namespace kvfrontier::schemes {

// Heavy hitters: over capacity heavy + recent, the token with the lowest score outside the `recent` newest goes.
class HeavyHitters {
 public:
  // mean_score: scores are divided by the number of queries that could see the token.
  HeavyHitters(Proxy proxy, const PublicParams& params, Index heavy, Index recent, bool mean_score);

  // Takes the next token of the stream. Returns the slot it is to be stored in (slots fill in order), or -1 when the
  // policy drops it at once.
  Index offer(Index token, const float* key);
  // The kept tokens, ascending.
  std::vector<Index> tokens() const;

 private:
  Index count() const { return std::ssize(tokens_); }
  Index lowest_score(Index newest) const;

  Index heavy_, recent_;
  bool mean_score_;
  ProxyQuery proxy_;
  core::RowMatrixF keys_;
  core::RowMatrixF logits_;
  std::vector<Index> tokens_;
  std::vector<double> scores_;
};

// The first `sinks` tokens for ever and the last `window` ones.
class SinksAndWindow {
 public:
  SinksAndWindow(Index sinks, Index window) : sinks_(sinks), window_(window) {}

  Index offer(Index token, const float*) {
    count_ = token + 1;
    if (token < sinks_ + window_) return token;
    // The window is a ring behind the sinks.
    return window_ > 0 ? sinks_ + (token - sinks_) % window_ : -1;
  }
  std::vector<Index> tokens() const;

 private:
  Index sinks_, window_, count_ = 0;
};

}  // namespace kvfrontier::schemes
