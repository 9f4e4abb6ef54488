// How much of its attention does a query for row i pay to row i? The claim of docs/tutorial_experiment.md.

#include "analysis/measuring_claim.hpp"
#include "attention/all_pairs.hpp"
#include "geometry/embedding.hpp"

namespace kvfrontier::experiments::own_share {

const analysis::ClaimText claim{
    .name = "own_share",
    .statement = "The query tau k_i pays row i at least a share 1/(1 + E S) of its attention on average.",
    .note = "S is the leak of all other rows.",
    .source = "Jensen: the share is 1/(1 + S_i), convex in S_i",
    .prediction = "E 1/(1 + S_i) >= 1/(1 + E S(tau))",
    .allowance = "0.1 %: the law is exact; float exponentials and the finite number of draws",
    .refutation = "a mean share below 1/(1 + E S) at any (d, tau)"};

enum class Family { sphere, rademacher };
enum class Mutation { none, wrong_tau };

}  // namespace kvfrontier::experiments::own_share

template <>
struct kvfrontier::core::EnumNames<kvfrontier::experiments::own_share::Family> {
  static constexpr std::array names{"sphere", "rademacher"};
};
template <>
struct kvfrontier::core::EnumNames<kvfrontier::experiments::own_share::Mutation> {
  static constexpr std::array names{"none", "wrong_tau"};
};

namespace kvfrontier::experiments::own_share {
namespace {

struct Parameters {
  Family embedding = Family::sphere;
  core::Index tokens = 256, d = 64;
  double tau = 6;
  Mutation mutation = Mutation::none;

  static core::MemberList<Parameters> members() {
    return {core::member("embedding", &Parameters::embedding, "family of keys"),
            core::member("tokens", &Parameters::tokens, "N").range(2, 50'000),
            core::member("d", &Parameters::d, "dimension").range(1, 65536),
            core::member("tau", &Parameters::tau, "query scaling").range(0, 1e4),
            analysis::mutation_member(&Parameters::mutation)};
  }
  const geometry::Embedding& family() const {
    return geometry::Embeddings::find(core::enum_name(embedding), "embedding");
  }
};

struct Trial {
  double own_share = 0;
  static core::MemberList<Trial> members() {
    return {core::member("own_share", &Trial::own_share, "mean of 1/(1 + S_i) over the rows").needed()};
  }
};

class OwnShare : public analysis::MeasuringClaim<Parameters, Trial> {
 public:
  OwnShare() : MeasuringClaim(claim) {}

  analysis::Measured<Trial> measure(const Parameters& p, const analysis::Turn& turn) const override {
    // What the draw depends on, and nothing else: points that differ only in tau meet the same keys.
    const core::Json identity{{"embedding", p.family().name()}, {"tokens", p.tokens}, {"d", p.d}};
    core::RowMatrixF keys(p.tokens, p.d);
    p.family().rows(turn.coins(identity.dump()), p.tokens, 0, keys);
    const double tau = p.tau * (p.mutation == Mutation::wrong_tau ? 0.8 : 1.0);
    double share = 0;
    for (const double leak : attention::leaks(keys, tau)) share += 1 / (1 + leak);
    return Trial{share / p.tokens};
  }

  core::Json config(analysis::Size size) const override {
    return {{"grid", {{"embedding", {"sphere", "rademacher"}}, {"d", {32, 64}}, {"tau", {4, 6, 8}}}},
            {"stop", analysis::trials(8, size == analysis::Size::quick ? 400 : 4000)}};
  }

  void judge(const std::vector<Point>& points, analysis::CheckList& checks) const override {
    for (const Point& point : points) {
      const Parameters& p = point.parameters;
      const double least = 1 / (1 + *p.family().mean_leak(p.tokens, p.d, p.tau));
      checks.mean(point.at(&Parameters::embedding, &Parameters::d, &Parameters::tau), point.values(&Trial::own_share),
                  least, analysis::at_least(0.999 * least));
    }
  }
};

const core::Registration<sweep::Experiment, OwnShare> registration;

}  // namespace
}  // namespace kvfrontier::experiments::own_share
