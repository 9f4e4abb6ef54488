#pragma once
// SubGen on given rows, for the claims about it: the scheme's own message, its number of clusters, and its answers.

#include <algorithm>
#include <bit>
#include <cmath>

#include "core/errors.hpp"
#include "schemes/scheme.hpp"

namespace kvfrontier::experiments {

class SubgenCache {
 public:
  // keys, values: N x d, stored in single precision as one map of the pyramid. `coins` are those of the sketch. Throws
  // core::UserError unless N is a square.
  SubgenCache(core::RowsViewF keys, core::RowsViewF values, double radius, core::Index most_clusters,
              core::Index samples, core::Coins coins)
      : samples_(samples) {
    const int side = std::lround(std::sqrt(keys.rows()));
    if (core::Index{side} * side != keys.rows()) throw core::UserError("the number of tokens is not a square");
    params_.schedule = geometry::Schedule("sides", {side, side + 1});
    params_.d = keys.cols();
    params_.embedding = "sphere";
    params_.keys_are_public = false;
    params_.scheme = "subgen";
    params_.coins = coins;
    params_.options = scheme().options().resolve(
        {{"radius", radius}, {"clusters", most_clusters}, {"samples", samples}, {"format", "fp32"}}, "scheme");
    const auto encoder = scheme().encoder(params_);
    for (core::Index first = 0; first < keys.rows(); first += params_.chunk) {
      const core::Index count = std::min<core::Index>(params_.chunk, keys.rows() - first);
      encoder->absorb({0, first, keys.middleRows(first, count), values.middleRows(first, count)});
    }
    core::BitWriter writer;
    encoder->write(writer);
    message_ = writer.bits();
  }

  // The message holds a mass of 32 bits, one count and 2 d s numbers. All its other bits are clusters, with a count and
  // a key each.
  double clusters() const {
    const double count = std::bit_width<std::uint64_t>(params_.tokens()), row = 32.0 * params_.d;
    const double others = 32 + count + 2 * row * samples_;
    return (message_.size - others) / (count + row);
  }
  core::RowMatrixD attend(core::RowsViewD queries) const {
    return scheme().decoder(params_, core::BitReader(message_))->attend(queries);
  }

 private:
  const schemes::Scheme& scheme() const { return schemes::Schemes::find(params_.scheme, "scheme"); }

  core::Index samples_;
  schemes::PublicParams params_;
  core::BitString message_;
};

}  // namespace kvfrontier::experiments
