// How many clusters of radius delta a greedy pass opens on unit keys. Centres are more than delta apart, so caps of
// radius delta/2 are disjoint: m cap(delta/2) <= 1. Once no key can open a cluster, caps of radius delta cover the
// sphere: m cap(delta) >= 1. (The volume bounds (R/delta)^d of full balls are not valid for unit keys.) On the circle
// the pass is Renyi's parking problem, so m is known: m 2 asin(delta/2)/(2 pi) = .7476, the parking constant. With a
// delta below the distance of the keys of the hard instance each key is its own cluster, m = N.

#include <cmath>

#include "analysis/measuring_claim.hpp"
#include "measuring.hpp"
#include "theory/dimension.hpp"

namespace kvfrontier::experiments::covering {

enum class Mutation { none, wrong_radius };

}  // namespace kvfrontier::experiments::covering

template <>
struct kvfrontier::core::EnumNames<kvfrontier::experiments::covering::Mutation> {
  static constexpr std::array names{"none", "wrong_radius"};
};

namespace kvfrontier::experiments::covering {
namespace {

using core::Json;

const std::string family = "sphere";

struct Parameters {
  Index tokens = 20000, d = 3;
  double delta = 0.3;
  Index draws = 1;
  Mutation mutation = Mutation::none;

  static core::MemberList<Parameters> members() {
    return {core::member("tokens", &Parameters::tokens, "N").range(1, 1 << 24),
            core::member("d", &Parameters::d, "dimension").range(2, 4096),
            core::member("delta", &Parameters::delta, "radius of a cluster").range(1e-3, 2),
            core::member("draws", &Parameters::draws, "draws of the keys per trial").range(1, 1 << 20),
            analysis::mutation_member(&Parameters::mutation)};
  }
};

struct Trial {
  double clusters = 0, covered = 0;
  static core::MemberList<Trial> members() {
    return {core::member("clusters", &Trial::clusters, "mean number m of clusters over the draws").needed(),
            core::member("covered", &Trial::covered, "mean share of the sphere within delta of a centre").needed()};
  }
};

const analysis::ClaimText claim{
    .name = "covering",
    .statement = "Greedy delta-clustering of unit keys opens between 1/cap(delta) and 1/cap(delta/2) clusters.",
    .note = "These are exponentially many in d, and one cluster per key on the hard instance.",
    .source = R"(covering numbers behind SubGen (arXiv 2402.06082) and the d min(n, e^d) bound of arXiv 2502.15955;
      Renyi 1958)",
    .prediction = R"(m cap(delta) >= covered share of the sphere, m cap(delta/2) <= 1; d = 2: m asin(delta/2)/pi =
      .7476; hard instance (delta = 1, d = 128): m = N)",
    .allowance = R"(1 % for the parking constant: it is exact for a full circle, and N keys leave a share of order 1/N
      of the sites open. 1 % for m = N: pairs closer than delta are rare but possible. None for the two bounds)",
    .refutation = R"(fewer than 1/cap(delta) clusters that cover the sphere, more than 1/cap(delta/2) clusters, or
      another parking constant)"};

class Covering : public analysis::MeasuringClaim<Parameters, Trial> {
 public:
  Covering() : MeasuringClaim(claim) {}

  // Records name the family of keys, although there is no choice.
  Json resolve(const sweep::Combination& combination) const override {
    return analysis::with(MeasuringClaim::resolve(combination), "embedding", family);
  }

  analysis::Measured<Trial> measure(const Parameters& p, const analysis::Turn& turn) const override {
    const double delta = p.delta, used = p.mutation == Mutation::wrong_radius ? 0.8 * delta : delta;
    const auto near = [](double radius) -> float { return 1 - radius * radius / 2; };
    const auto& embedding = geometry::Embeddings::find(family, "embedding");
    constexpr Index probes = 2048;
    double opened = 0, covered = 0;
    core::RowMatrixF keys(p.tokens, p.d), points(probes, p.d);
    for (Index draw = 0; draw < p.draws; ++draw) {
      const analysis::Turn draw_turn = draw_of(turn, draw);
      embedding.rows(trial_coins(draw_turn, embedding, p.tokens, p.d), p.tokens, 0, keys);
      Eigen::MatrixXf centres(64, p.d);  // by columns: one key meets all centres in long vectors
      Eigen::VectorXf products;
      Index clusters = 0;
      for (Index j = 0; j < p.tokens; ++j) {
        if (clusters > 0) {
          products.noalias() = centres.topRows(clusters) * keys.row(j).transpose();
          if (products.maxCoeff() >= near(used)) continue;
        }
        if (clusters == centres.rows()) centres.conservativeResize(2 * clusters, Eigen::NoChange);
        centres.row(clusters++) = keys.row(j);
      }
      embedding.rows(trial_coins(draw_turn, embedding, p.tokens, p.d, "probes"), probes, 0, points);
      const Eigen::ArrayXf best = (points * centres.topRows(clusters).transpose()).rowwise().maxCoeff();
      opened += clusters;
      covered += 1.0 * (best >= near(delta)).count() / probes;
    }
    return Trial{opened / p.draws, covered / p.draws};
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
    return {{"grid", grids}, {"stop", analysis::trials(8, quick ? 32 : 100)}};
  }

  void judge(const std::vector<Point>& points, analysis::CheckList& checks) const override {
    using P = Parameters;
    for (const Point& point : points) {
      const P& p = point.parameters;
      const auto clusters = point.values(&Trial::clusters);
      if (clusters.empty()) continue;
      Json at = point.at(&P::d, &P::delta, &P::tokens);
      at.update({{"clusters", core::mean_of(clusters)}});
      const auto times = [&](double factor) {
        std::vector<double> list;
        for (const double m : clusters) list.push_back(m * factor);
        return list;
      };
      if (p.d > 16) {
        checks.mean(analysis::with(at, "quantity", "clusters / N"), times(1.0 / p.tokens), 1,
                    analysis::within_absolute(1, 0.01));
        continue;
      }
      const double cap = theory::cap_share(p.d, p.delta), half = theory::cap_share(p.d, p.delta / 2);
      std::vector<double> lower;
      for (const Trial& trial : point.trials) lower.push_back(trial.clusters * cap / trial.covered);
      Json bounded = at;
      bounded.update({{"least", 1 / cap}, {"most", 1 / half}});
      checks.mean(analysis::with(bounded, "quantity", "m cap(delta) / covered share"), lower, 1, analysis::at_least(1));
      checks.mean(analysis::with(bounded, "quantity", "m cap(delta/2)"), times(half), 1, analysis::at_most(1));
      if (p.d == 2) {
        const double share = std::asin(p.delta / 2) / std::acos(-1.0);
        checks.mean(analysis::with(at, "quantity", "parking share"), times(share), theory::parking_constant,
                    analysis::within_relative(theory::parking_constant, 0.01));
      }
    }
  }
};

const core::Registration<sweep::Experiment, Covering> registration;

}  // namespace
}  // namespace kvfrontier::experiments::covering
