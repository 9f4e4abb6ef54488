#pragma once
// The decoder of every scheme whose message is about values only: keys are regenerated from the public coins, a block
// of tokens at a time, and queries attend over them with whatever values the message stands for.

#include <string>

#include "schemes/scheme.hpp"

namespace kvfrontier::schemes {

// N d.
Bits value_entries(const PublicParams& params);

// Throws ConfigError at `path` when the instance's keys are not a function of the public coins.
void require_public_keys(const PublicParams& params, const std::string& path);

class PublicKeysDecoder : public Decoder {
 public:
  explicit PublicKeysDecoder(const PublicParams& params) : params_(params) {}
  core::RowMatrixD attend(core::RowsViewD queries) const final;

  static constexpr Index held_rows = 1024;

 protected:
  const PublicParams& params() const { return params_; }

 private:
  // Value rows of tokens first .. first + out.rows() - 1; out.cols() == d.
  virtual void values(Index first, core::RowMatrixD& out) const = 0;

  PublicParams params_;
};

}  // namespace kvfrontier::schemes
