// A window of W maps still forces most of the cache: with doubling sides its share of the tokens is
// (1 - 4^-W)/(1 - 4^-(K-1)), three quarters for W = 1.

#include "analysis/measuring_claim.hpp"
#include "attention/attention.hpp"
#include "drawn_instance.hpp"
#include "theory/pyramid.hpp"

namespace kvfrontier::experiments::scale_window {

enum class Mutation { none, one_map_more, values_of_other_maps_leak };

}  // namespace kvfrontier::experiments::scale_window

template <>
struct kvfrontier::core::EnumNames<kvfrontier::experiments::scale_window::Mutation> {
  static constexpr std::array names{"none", "one_map_more", "values_of_other_maps_leak"};
};

namespace kvfrontier::experiments::scale_window {
namespace {

using core::Index;
using core::Json;

struct Parameters {
  std::string schedule = "doubling";
  int n = 16;
  Index d = 64;
  int window = 1;
  Mutation mutation = Mutation::none;

  static core::MemberList<Parameters> members() {
    return {schedule_member(&Parameters::schedule), n_member(&Parameters::n), d_member(&Parameters::d),
            core::member("window", &Parameters::window, "W, last cached maps that are attended to").range(1, 100),
            analysis::mutation_member(&Parameters::mutation)};
  }
};

// Empty for an instance without a certified scaling.
struct Trial {
  std::optional<double> share;
  static core::MemberList<Trial> members() {
    return {{core::member("share", &Trial::share, "1 - 2 error over all rows").needed()}, core::Nulls::omit};
  }
};

const analysis::ClaimText claim{
    .name = "scale_window",
    .statement = "Attention over the last W cached maps reads their |U| d bits and nothing of the others.",
    .note = R"(|U|/N = (1 - 4^-W)/(1 - 4^-(K-1)) for doubling sides, and .399, .634, .785 for VAR-256 at W = 1, 2,
      3.)",
    .source = "structured sparsity: INDEX on the union of supports; replaces 1 - 4^-W, its limit for many maps",
    .prediction = "1 - 2 error over all rows = |U|/N",
    .allowance = R"(0.01: exact up to sampling, since certified rows in the window have no error and rows outside it
      are independent of the answers. The width is a fifth of the smallest step between neighbouring windows judged)",
    .refutation = "a recovered share more than 0.01 from the window's share of the tokens"};

// The window's share of the tokens.
double window_share(const geometry::Schedule& schedule, int window) {
  if (schedule.name() == "doubling") return theory::doubling_window_share(schedule.n(), window);
  double share = 0;
  for (int map = schedule.map_count() - window; map < schedule.map_count(); ++map) {
    const double side = schedule.sides()[map];
    share += side * side / schedule.tokens();
  }
  return share;
}

class ScaleWindow : public analysis::MeasuringClaim<Parameters, Trial> {
 public:
  ScaleWindow() : MeasuringClaim(claim) {}

  void complete(Parameters& p, const sweep::Combination&) const override { p.n = resolved_n(p.schedule, p.n); }

  analysis::Measured<Trial> measure(const Parameters& p, const analysis::Turn& turn) const override {
    const auto params = index_params(p.schedule, p.n, p.d);
    const int window = p.window + (p.mutation == Mutation::one_map_more ? 1 : 0);
    const DrawnInstance drawn(params, turn.seed, turn.trial, 0);
    if (!drawn.tau) return {sweep::Status::uncertified, {}};
    const Index start = params.schedule.first_token(std::max(0, params.schedule.map_count() - window)),
                held = params.tokens() - start;
    const core::RowMatrixD queries = *drawn.tau * drawn.keys;
    attention::SoftmaxAttention<double> attention(queries, params.d);
    attention.absorb(drawn.keys.bottomRows(held), drawn.values.bottomRows(held));
    core::RowMatrixD answers = attention.result();
    // A decoder that knows a little of what it should not: every tenth entry outside the window.
    if (p.mutation == Mutation::values_of_other_maps_leak) {
      for (Index i = 0; i < start; ++i) {
        for (Index c = 0; c < params.d; c += 10) answers(i, c) = drawn.values(i, c);
      }
    }
    const double wrong = ((answers.array() > 0.5) != (drawn.values.array() > 0.5)).count();
    return Trial{1 - 2 * wrong / answers.size()};
  }

  Json config(analysis::Size size) const override {
    const bool quick = size == analysis::Size::quick;
    Json grid{{{"schedule", "doubling"}, {"n", 16}, {"window", {1, 2, 3}}},
              {{"schedule", "var256"}, {"window", {1, 2, 3}}}};
    if (!quick) {
      grid.push_back({{"schedule", "doubling"}, {"n", {8, 32}}, {"window", {1, 2, 3}}});
      grid.push_back({{"schedule", "var512"}, {"window", {1, 2, 3}}});
    }
    return {{"grid", grid}, {"stop", analysis::trials(8, quick ? 96 : 300)}};
  }

  void judge(const std::vector<Point>& points, analysis::CheckList& checks) const override {
    using P = Parameters;
    for (const Point& point : points) {
      const P& p = point.parameters;
      const double share = window_share(geometry::Schedule::named(p.schedule, p.n), p.window);
      checks.mean(analysis::with(point.at(&P::schedule, &P::n, &P::window), "quantity", "recovered share of N d bits"),
                  point.values(&Trial::share), share, analysis::within_absolute(share, 0.01));
    }
  }
};

const core::Registration<sweep::Experiment, ScaleWindow> registration;

}  // namespace
}  // namespace kvfrontier::experiments::scale_window
