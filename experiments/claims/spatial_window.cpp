// A spatial window saves no carried memory. Every query of the last step sees a neighbourhood of its own place in each
// earlier map, but the n^2 queries tile the grid, so that together they see the whole cache.

#include <algorithm>
#include <boost/random/uniform_int_distribution.hpp>

#include "analysis/measuring_claim.hpp"
#include "attention/attention.hpp"
#include "drawn_instance.hpp"
#include "measuring.hpp"

namespace kvfrontier::experiments::spatial_window {

enum class Mutation { none, half_of_the_queries, wrong_tau };

}  // namespace kvfrontier::experiments::spatial_window

template <>
struct kvfrontier::core::EnumNames<kvfrontier::experiments::spatial_window::Mutation> {
  static constexpr std::array names{"none", "half_of_the_queries", "wrong_tau"};
};

namespace kvfrontier::experiments::spatial_window {
namespace {

struct Parameters {
  std::string schedule = "doubling";
  int n = 16;
  Index d = 32;
  int radius = 1;
  Index rows = 64;
  Mutation mutation = Mutation::none;

  static core::MemberList<Parameters> members() {
    return {schedule_member(&Parameters::schedule),
            n_member(&Parameters::n),
            d_member(&Parameters::d),
            core::member("radius", &Parameters::radius, "cells seen to either side in every map").range(0, 100),
            core::member("rows", &Parameters::rows, "rows asked for in a trial").range(1, 1'000'000),
            analysis::mutation_member(&Parameters::mutation)};
  }
  reduction::InstanceParams instance() const { return index_params(schedule, n, d); }
};

// Empty for an instance without a certified scaling.
struct Trial {
  std::optional<double> seen, row_errors;
  std::optional<Index> queried_rows;

  static core::MemberList<Trial> members() {
    return {{core::member("seen", &Trial::seen, "|U|, tokens that some query sees").needed(),
             core::member("row_errors", &Trial::row_errors, "sum of shares of wrong bits").needed(),
             core::member("queried_rows", &Trial::queried_rows, "rows asked for").needed()},
            core::Nulls::omit};
  }
};

// Tokens within `radius` cells of place (row, column) of the last map, in every cached map.
std::vector<Index> support(const geometry::Schedule& schedule, int row, int column, int radius) {
  std::vector<Index> list;
  for (int map = 0; map < schedule.map_count(); ++map) {
    const int side = schedule.sides()[map], r = row * side / schedule.n(), c = column * side / schedule.n();
    for (int y = std::max(0, r - radius); y <= std::min(side - 1, r + radius); ++y) {
      for (int x = std::max(0, c - radius); x <= std::min(side - 1, c + radius); ++x)
        list.push_back(schedule.first_token(map) + Index{y} * side + x);
    }
  }
  return list;
}

const analysis::ClaimText claim{
    .name = "spatial_window",
    .statement = "Windows around each query's own place, of any radius, leave no token of the cache out.",
    .note = "The last step still reads all N d bits, each by a query that sees the token.",
    .source = R"(structured sparsity: the bound is (1 - H2(p)) |U| d, where U is the union of the supports of all n^2
      queries of the step)",
    .prediction = "|U|/N = 1, and no wrong bit in a row that is asked for by a query that sees it",
    .allowance = R"(none for the union. 0.01 of the bits: rows are sampled; none may be wrong, since fewer competing
      tokens can only lower the leak)",
    .refutation = "a token that no query sees, or more than 1 % wrong bits"};

class SpatialWindow : public analysis::MeasuringClaim<Parameters, Trial> {
 public:
  SpatialWindow() : MeasuringClaim(claim) {}

  void complete(Parameters& p, const sweep::Combination&) const override { p.n = resolved_n(p.schedule, p.n); }

  analysis::Measured<Trial> measure(const Parameters& p, const analysis::Turn& turn) const override {
    const auto params = p.instance();
    const auto& schedule = params.schedule;
    const int queries = p.mutation == Mutation::half_of_the_queries ? schedule.n() / 2 : schedule.n();
    // The places of the queries that see each token.
    std::vector<std::vector<std::pair<int, int>>> seen_by(params.tokens());
    for (int row = 0; row < queries; ++row) {
      for (int column = 0; column < schedule.n(); ++column) {
        for (const Index token : support(schedule, row, column, p.radius)) seen_by[token].emplace_back(row, column);
      }
    }
    const double seen =
        std::count_if(seen_by.begin(), seen_by.end(), [](const auto& places) { return !places.empty(); });

    const DrawnInstance drawn(params, turn.seed, turn.trial, 0);
    if (!drawn.tau) return {sweep::Status::uncertified, {}};
    const auto asked = drawn.instance->queried_rows(p.rows);
    core::Stream stream(drawn.instance->coins().bob, core::Purpose("spatial window/places"), 0);
    double row_errors = 0;
    for (const Index token : asked) {
      const auto& places = seen_by[token];
      if (places.empty()) {
        row_errors += 0.5;  // nobody can ask for it
        continue;
      }
      // One of the queries that see the token, at random.
      const auto [row, column] =
          places[boost::random::uniform_int_distribution<std::size_t>(0, places.size() - 1)(stream)];
      const auto list = support(schedule, row, column, p.radius);
      core::RowMatrixD keys(std::ssize(list), params.d), values(std::ssize(list), params.d);
      for (Index j = 0; j < std::ssize(list); ++j) {
        keys.row(j) = drawn.keys.row(list[j]);
        values.row(j) = drawn.values.row(list[j]);
      }
      // A twentieth of the scaling: with so few competitors a smaller fault would not show.
      const core::RowMatrixD query =
          *drawn.tau * (p.mutation == Mutation::wrong_tau ? 0.05 : 1.0) * drawn.keys.row(token);
      const core::RowMatrixD answer = attention::softmax_attention_oracle(query, keys, values);
      row_errors += wrong_bits(answer, drawn.values.row(token)) / params.d;
    }
    return Trial{seen, row_errors, p.rows};
  }

  core::Json config(analysis::Size size) const override {
    const bool quick = size == analysis::Size::quick;
    core::Json grid{{{"schedule", "doubling"}, {"n", 16}, {"radius", {0, 1, 2}}},
                    {{"schedule", "var256"}, {"radius", {0, 1, 2}}}};
    if (!quick) grid.push_back({{"schedule", {"doubling", "var512"}}, {"n", 32}, {"radius", {0, 1, 2}}});
    return {{"grid", grid}, {"stop", analysis::trials(8, quick ? 32 : 64)}};
  }

  void judge(const std::vector<Point>& points, analysis::CheckList& checks) const override {
    using P = Parameters;
    for (const Point& point : points) {
      if (point.trials.empty()) continue;
      std::vector<core::TrialErrors> errors;
      for (const Trial& trial : point.trials) errors.push_back({*trial.row_errors, *trial.queried_rows});
      const core::Json at = point.at(&P::schedule, &P::n, &P::radius);
      checks.exact(analysis::with(at, "quantity", "|U|/N"),
                   *point.trials.front().seen / point.parameters.instance().tokens(), 1, {1, 1});
      checks.error(analysis::with(at, "quantity", "wrong bits"), errors, 0, analysis::at_most(0.01));
    }
  }
};

const core::Registration<sweep::Experiment, SpatialWindow> registration;

}  // namespace
}  // namespace kvfrontier::experiments::spatial_window
