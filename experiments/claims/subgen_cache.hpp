#pragma once
// SubGen on given rows, for the claims about it: the scheme's own message, its number of clusters, and its answers.

#include <bit>
#include <cmath>

#include "core/errors.hpp"
#include "schemes/scheme.hpp"

namespace kvfrontier::experiments {

struct SubgenCache {
  // N x d rows with N a square, which are one map of the pyramid; numbers are stored in single precision. `key`: the
  // sketch's coins.
  SubgenCache(core::RowsViewF keys, core::RowsViewF values, double radius, core::Index most_clusters,
              core::Index samples, core::RandomKey key) {
    const auto side = static_cast<int>(std::lround(std::sqrt(static_cast<double>(keys.rows()))));
    if (core::Index{side} * side != keys.rows()) throw core::UserError("the number of tokens is not a square");
    params_.schedule = geometry::Schedule("sides", {side, side + 1});
    params_.d = keys.cols();
    params_.embedding = "sphere";
    params_.keys_are_public = false;
    params_.scheme = "subgen";
    params_.key = key;
    const auto& scheme = schemes::Schemes::find("subgen", "scheme");
    params_.options = scheme.options().resolve(
        {{"radius", radius}, {"clusters", most_clusters}, {"samples", samples}, {"format", "fp32"}}, "scheme");
    const auto encoder = scheme.encoder(params_);
    for (core::Index first = 0; first < keys.rows(); first += params_.chunk) {
      const core::Index count = std::min<core::Index>(params_.chunk, keys.rows() - first);
      encoder->absorb({0, first, keys.middleRows(first, count), values.middleRows(first, count)});
    }
    core::BitWriter writer;
    encoder->write(writer);
    message_ = writer.bits();
  }

  // Of the message that all bits but 32 of mass, one count and 2 d s numbers are clusters: a count and a key each.
  double clusters() const {
    const double count = std::bit_width(static_cast<std::uint64_t>(params_.tokens())),
                 row = 32.0 * static_cast<double>(params_.d);
    const double others = 32 + count + 2 * row * params_.options.at("samples").get<double>();
    return (static_cast<double>(message_.size) - others) / (count + row);
  }
  core::RowMatrixD attend(core::RowsViewD queries) const {
    return schemes::Schemes::find("subgen", "scheme").decoder(params_, core::BitReader(message_))->attend(queries);
  }

 private:
  schemes::PublicParams params_;
  core::BitString message_;
};

}  // namespace kvfrontier::experiments
