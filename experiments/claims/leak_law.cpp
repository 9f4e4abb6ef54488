// The mean leak S_i(tau) = sum_{j != i} e^{-tau (1 - <k_i, k_j>)} of random keys follows its closed form.

#include "analysis/measuring_claim.hpp"
#include "attention/all_pairs.hpp"
#include "measuring.hpp"

namespace kvfrontier::experiments::leak_law {

enum class Mutation { none, wrong_tau };

}  // namespace kvfrontier::experiments::leak_law

template <>
struct kvfrontier::core::EnumNames<kvfrontier::experiments::leak_law::Mutation> {
  static constexpr std::array names{"none", "wrong_tau"};
};

namespace kvfrontier::experiments::leak_law {
namespace {

struct Parameters {
  KeyFamily embedding = KeyFamily::sphere;
  Index tokens = 1024, d = 64;
  double tau = 6;
  Mutation mutation = Mutation::none;

  static core::MemberList<Parameters> members() {
    return {family_member(&Parameters::embedding), core::member("tokens", &Parameters::tokens, "N").range(2, 50'000),
            core::member("d", &Parameters::d, "dimension").range(1, 65536),
            core::member("tau", &Parameters::tau, "query scaling").range(0, 1e4),
            analysis::mutation_member(&Parameters::mutation)};
  }
  const geometry::Embedding& keys() const { return keys_of(embedding); }
};

struct Trial {
  double mean_leak = 0;
  static core::MemberList<Trial> members() {
    return {core::member("mean_leak", &Trial::mean_leak, "mean of S_i(tau) over the rows").needed()};
  }
};

const analysis::ClaimText claim{
    .name = "leak_law",
    .statement = "Random keys leak (N-1) E e^{-tau (1 - <k, k'>)} on average.",
    .note = R"(That is (N-1) ((1 + e^{-2 tau/d})/2)^d for Rademacher keys and (N-1) e^{-tau} M_d(tau) for keys on the
      sphere, M_d being the moment generating function of one coordinate.)",
    .source = R"(moment generating function of one inner product; the typical case behind Thm 4.5 of arXiv
      2503.14881)",
    .prediction = "E S = (N-1) ((1 + e^{-2 tau/d})/2)^d (Rademacher), (N-1) e^{-tau} 0F1(d/2; tau^2/4) (sphere)",
    .allowance = R"(2 %: the law is exact, and float products and exponentials err by less than 1e-4; the rest allows
      for the finite number of draws. Only tau <= sqrt(d ln N), beyond which rare rows carry the mean)",
    .refutation = "a mean leak more than 2 % away from the closed form at any (d, tau)"};

class LeakLaw : public analysis::MeasuringClaim<Parameters, Trial> {
 public:
  LeakLaw() : MeasuringClaim(claim) {}

  double operations(const Parameters& p) const override { return 1.0 * p.tokens * p.tokens * (p.d + 16); }

  analysis::Measured<Trial> measure(const Parameters& p, const analysis::Turn& turn) const override {
    const double tau = p.tau * (p.mutation == Mutation::wrong_tau ? 0.8 : 1.0);
    // Neither tau nor the mutation picks the keys: points are compared on common draws.
    const auto leaks = attention::leaks(trial_keys(turn, p.keys(), p.tokens, p.d), tau);
    return Trial{core::mean_of(leaks)};
  }

  core::Json config(analysis::Size size) const override {
    const bool quick = size == analysis::Size::quick;
    core::Json d = quick ? core::Json{32, 64, 128} : core::Json{32, 64, 128, 256};
    return {{"grid", {{"embedding", {"sphere", "rademacher"}}, {"d", d}, {"tau", {4, 6, 8}}}},
            {"tokens", quick ? 1024 : 4096},
            {"stop", analysis::trials(8, quick ? 48 : 200)}};
  }

  void judge(const std::vector<Point>& points, analysis::CheckList& checks) const override {
    using P = Parameters;
    for (const Point& point : points) {
      const P& p = point.parameters;
      const double law = *p.keys().mean_leak(p.tokens, p.d, p.tau);
      checks.mean(point.at(&P::embedding, &P::tokens, &P::d, &P::tau), point.values(&Trial::mean_leak), law,
                  analysis::within_relative(law, 0.02));
    }
  }
};

const core::Registration<sweep::Experiment, LeakLaw> registration;

}  // namespace
}  // namespace kvfrontier::experiments::leak_law
