// F16. How many clusters of radius delta a greedy pass opens on unit keys. Centres are more than delta apart, so caps
// of radius delta/2 are disjoint: m cap(delta/2) <= 1. Once it is full, caps of radius delta cover: m cap(delta) >= 1.
// (The volume bounds (R/delta)^d of full balls are not valid for unit keys.) On the circle the pass is Renyi's parking
// problem, so m is known: m 2 asin(delta/2)/(2 pi) = .7476 [the parking constant]. Below the distance of the hard
// instance's keys each key is its own cluster, m = N.

#include "analysis/claim.hpp"
#include "measuring.hpp"
#include "theory/dimension.hpp"

namespace kvfrontier::experiments::covering {
namespace {

using analysis::CheckList;
using core::Json;

class Covering : public analysis::Claim {
 public:
  std::string name() const override { return "covering"; }
  std::string statement() const override {
    return "greedy delta-clustering of unit keys opens 1/cap(delta) <= m <= 1/cap(delta/2) clusters, exponentially "
           "many in d, and one per key on the hard instance";
  }
  std::string source() const override {
    return "covering numbers behind SubGen (arXiv 2402.06082) and the d min(n, e^d) bound of arXiv 2502.15955; Renyi "
           "1958";
  }
  std::string prediction() const override {
    return "m cap(delta) >= covered share of the sphere, m cap(delta/2) <= 1; d = 2: m asin(delta/2)/pi = .7476; hard "
           "instance (delta = 1, d = 128): m = N";
  }
  std::string allowance() const override {
    return "1 % for the parking constant: exact for a full circle, N keys leave a share of order 1/N of the sites "
           "open. 1 % for m = N: pairs nearer than delta are rare but possible. None for "
           "the two bounds";
  }
  std::string refutation() const override {
    return "fewer clusters than 1/cap(delta) that cover, more than 1/cap(delta/2), or another parking constant";
  }

  const core::OptionTable& options() const override {
    using core::Option;
    static const core::OptionTable table{Option::integer("tokens", 20000, 1, 1 << 24, "N"),
                                         Option::integer("d", 3, 2, 4096, "dimension"),
                                         Option::real("delta", 0.3, 1e-3, 2, "radius of a cluster"),
                                         Option::integer("draws", 1, 1, 1 << 20, "draws of the keys in a trial"),
                                         analysis::sabotage_option({"wrong_radius"})};
    return table;
  }
  Json resolve(const sweep::Combination& combination) const override {
    Json parameters;
    for (const char* name : {"tokens", "d", "delta", "draws", "sabotage"}) parameters[name] = combination.value(name);
    parameters["embedding"] = "sphere";
    return parameters;
  }

  sweep::TrialResult measure(const Json& parameters, std::uint64_t trial, const sweep::TrialContext&) const override {
    const Index tokens = parameters.at("tokens"), d = parameters.at("d");
    const std::string sabotage = parameters.at("sabotage");
    const double delta = parameters.at("delta"), used = sabotage == "wrong_radius" ? 0.8 * delta : delta;
    const auto near = [](double radius) { return static_cast<float>(1 - radius * radius / 2); };
    const auto& embedding = geometry::Embeddings::find("sphere", "embedding");
    const Index draws = parameters.at("draws");
    constexpr Index probes = 2048;
    double opened = 0, covered = 0;
    core::RowMatrixF keys(tokens, d), points(probes, d);
    for (Index draw = 0; draw < draws; ++draw) {
      const std::uint64_t number = trial * 1'000'000 + static_cast<std::uint64_t>(draw);
      embedding.rows(trial_key(parameters, number), tokens, 0, keys);
      Eigen::MatrixXf centres(64, d);  // by columns: one key meets all centres in long vectors
      Eigen::VectorXf products;
      Index clusters = 0;
      for (Index j = 0; j < tokens; ++j) {
        if (clusters > 0) {
          products.noalias() = centres.topRows(clusters) * keys.row(j).transpose();
          if (products.maxCoeff() >= near(used)) continue;
        }
        if (clusters == centres.rows()) centres.conservativeResize(2 * clusters, Eigen::NoChange);
        centres.row(clusters++) = keys.row(j);
      }
      embedding.rows(trial_key(parameters, number, "probes"), probes, 0, points);
      const Eigen::ArrayXf best = (points * centres.topRows(clusters).transpose()).rowwise().maxCoeff();
      opened += static_cast<double>(clusters);
      covered += static_cast<double>((best >= near(delta)).count()) / static_cast<double>(probes);
    }
    const double count = static_cast<double>(draws);
    return {"ok", {{"clusters", opened / count}, {"covered", covered / count}}};
  }

  Json config(analysis::Size size) const override {
    const bool quick = size == analysis::Size::quick;
    Json grids = Json::array();
    const auto add = [&](int d, Json delta, int tokens, int draws = 1) {
      grids.push_back({{"d", d}, {"delta", std::move(delta)}, {"tokens", tokens}, {"draws", draws}});
    };
    const int many = quick ? 10000 : 50000;
    add(2, {0.02}, 100000, quick ? 8 : 20);  // many sites, and hundreds of keys for each
    add(3, {0.3, 0.5, 0.8}, many);
    add(4, {0.5, 0.8}, many);
    add(5, {0.6, 0.9}, many);
    add(6, {0.8}, many);
    add(128, {1.0}, 512);
    return {{"grid", grids}, {"stop", {{"min_trials", 8}, {"max_trials", quick ? 32 : 100}}}};
  }

  std::vector<analysis::Check> judge(const analysis::ClaimRows& points) const override {
    CheckList checks;
    for (const auto& point : points) {
      const Index d = point.parameters.at("d");
      const double delta = point.parameter("delta");
      const auto clusters = point.values("clusters"), covered = point.values("covered");
      if (clusters.empty()) continue;
      const auto place = [&](const char* quantity) {
        Json at = point.at({"d", "delta", "tokens"});
        at["quantity"] = quantity;
        at["clusters"] = core::mean_of(clusters);
        return at;
      };
      const auto times = [&](double factor) {
        std::vector<double> list;
        for (const double m : clusters) list.push_back(m * factor);
        return list;
      };
      if (d > 16) {
        checks.mean(place("clusters / N"), times(1 / point.parameter("tokens")), 1, analysis::within_absolute(1, 0.01));
        continue;
      }
      std::vector<double> lower;
      const double cap = theory::cap_share(d, delta), half = theory::cap_share(d, delta / 2);
      for (std::size_t t = 0; t < clusters.size(); ++t) lower.push_back(clusters[t] * cap / covered[t]);
      Json at = place("m cap(delta) / covered share");
      at["least"] = 1 / cap;
      at["most"] = 1 / half;
      checks.mean(at, lower, 1, analysis::at_least(1));
      at["quantity"] = "m cap(delta/2)";
      checks.mean(at, times(half), 1, analysis::at_most(1));
      if (d == 2) {
        const double share = std::asin(delta / 2) / std::acos(-1.0);
        checks.mean(place("parking share"), times(share), theory::parking_constant,
                    analysis::within_relative(theory::parking_constant, 0.01));
      }
    }
    return checks.finish();
  }
};

const core::Registration<sweep::Experiment, Covering> registration;

}  // namespace
}  // namespace kvfrontier::experiments::covering
