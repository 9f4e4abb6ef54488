// c clusters of tokens with the same bits and nearly the same key: the cache of a compressible input. The floor is only
// c d bits, and merging schemes may reach it.

#include <algorithm>
#include <boost/random/normal_distribution.hpp>
#include <boost/random/uniform_int_distribution.hpp>

#include "core/errors.hpp"
#include "reduction/fair_bits.hpp"
#include "reduction/instance.hpp"

namespace kvfrontier::reduction::clustered {
namespace {

struct ClusteredOptions {
  Index clusters = 16;
  double radius = 0.1;

  static core::MemberList<ClusteredOptions> members() {
    return {core::member("clusters", &ClusteredOptions::clusters, "c, number of clusters, at most N").range(1, 1e6),
            core::member("radius", &ClusteredOptions::radius,
                         "length of the random offset of a key from its cluster's centre, before it is normalised")
                .range(0, 10)};
  }
};

Index clusters_of(const InstanceParams& params) {
  return params.options.as<ClusteredOptions>().clusters;
}

// Token j belongs to cluster j mod c: sizes differ by at most one, and every part of the stream meets every cluster.
class ClusteredInstance : public Instance {
 public:
  using Instance::Instance;

  void keys(Index first, core::RowsOutF out) const override {
    const float radius = params().options.as<ClusteredOptions>().radius;
    Eigen::RowVectorXf offset(out.cols());
    for (Index i = 0; i < out.rows(); ++i) {
      const Index token = first + i;
      params().keys().rows(coins().open, clusters(), token % clusters(), out.middleRows(i, 1));
      if (radius == 0) continue;
      core::Stream stream(coins().open, core::Purpose("clustered/offset"), token);
      boost::random::normal_distribution<float> normal;
      for (Index c = 0; c < out.cols(); ++c) offset[c] = normal(stream);
      out.row(i) += radius / std::max(offset.norm(), 1e-30f) * offset;
      out.row(i).normalize();
    }
  }
  void values(Index first, core::RowsOutF out) const override {
    for (Index i = 0; i < out.rows(); ++i)
      write_fair_bits(coins().alice, (first + i) % clusters(), out.row(i).data(), out.cols());
  }
  core::Bits information_bits() const override { return (clusters() * params().d); }

  std::vector<Index> classes() const override {
    std::vector<Index> list(params().tokens());
    for (Index j = 0; j < params().tokens(); ++j) list[j] = j % clusters();
    return list;
  }
  Index competitors() const override { return params().tokens() - params().tokens() / clusters(); }

  // Draws a cluster and then one of its members, so clusters of unequal size are asked for equally often.
  std::vector<Index> queried_rows(Index count) const override {
    core::Stream stream(coins().bob, core::Purpose("queried rows"), 0);
    std::vector<Index> rows(count);
    for (auto& row : rows) {
      const Index cluster = boost::random::uniform_int_distribution<Index>(0, clusters() - 1)(stream);
      const Index members = (params().tokens() - cluster + clusters() - 1) / clusters();
      row = cluster + clusters() * boost::random::uniform_int_distribution<Index>(0, members - 1)(stream);
    }
    return rows;
  }

 private:
  Index clusters() const { return clusters_of(params()); }
};

class ClusteredFamily : public InstanceFamily {
 public:
  std::string name() const override { return "clustered"; }
  std::string summary() const override {
    return "c clusters of tokens that share their bits and, up to a radius, their key: the floor is c d bits; keys are "
           "stored";
  }
  std::string source() const override {
    return "the reduction on c classes; clusterable keys as in SubGen (arXiv 2402.06082)";
  }
  const core::OptionTable& options() const override { return core::table_of<ClusteredOptions>(); }
  // Functions of the public coins, but not rows of the embedding, which is all that a decoder can generate.
  bool keys_are_public() const override { return false; }
  void check(const InstanceParams& params, const std::string& path) const override {
    const Index clusters = clusters_of(params);
    if (clusters > params.tokens()) {
      throw core::ConfigError(core::join_path(path, "clusters"), std::to_string(clusters),
                              "at most N = " + std::to_string(params.tokens()) + " clusters");
    }
    if (const std::string why = params.keys().why_impossible(clusters, params.d); !why.empty()) {
      throw core::ConfigError(core::join_path(path, "clusters"),
                              std::to_string(clusters) + " centres of " + params.embedding, why);
    }
  }
  std::unique_ptr<Instance> make(const InstanceParams& params, const TrialCoins& coins) const override {
    return std::make_unique<ClusteredInstance>(params, coins);
  }
};

const core::Registration<InstanceFamily, ClusteredFamily> registration;

}  // namespace
}  // namespace kvfrontier::reduction::clustered
