// What the single last step can read out of the cache: d times the tokens of all maps before it. That grows like n^2
// only if the maps before the last do: the schedule 1, n hands over one token.

#include <algorithm>
#include <boost/random/uniform_int_distribution.hpp>
#include <map>
#include <numeric>

#include "analysis/measuring_claim.hpp"
#include "attention/attention.hpp"
#include "drawn_instance.hpp"
#include "measuring.hpp"
#include "theory/entropy.hpp"
#include "theory/pyramid.hpp"

namespace kvfrontier::experiments::var_schedules {

enum class Mutation { none, forgotten_map, own_tokens_uncertified };

}  // namespace kvfrontier::experiments::var_schedules

template <>
struct kvfrontier::core::EnumNames<kvfrontier::experiments::var_schedules::Mutation> {
  static constexpr std::array names{"none", "forgotten_map", "own_tokens_uncertified"};
};

namespace kvfrontier::experiments::var_schedules {
namespace {

struct Parameters {
  std::string schedule = "doubling";
  int n = 16;
  Index d = 64, rows = 1024;
  Mutation mutation = Mutation::none;

  static core::MemberList<Parameters> members() {
    return {schedule_member(&Parameters::schedule), n_member(&Parameters::n), d_member(&Parameters::d),
            core::member("rows", &Parameters::rows,
                         "rows asked for in a trial, over as many instances as that takes; at most n^2 in one step")
                .range(1, 1'000'000),
            analysis::mutation_member(&Parameters::mutation)};
  }
  reduction::InstanceParams instance() const { return index_params(schedule, n, d); }
};

// Empty for an instance without a certified scaling.
struct Trial {
  std::optional<double> row_errors;
  std::optional<Index> queried_rows;

  static core::MemberList<Trial> members() {
    return {{core::member("row_errors", &Trial::row_errors, "sum of shares of wrong bits").needed(),
             core::member("queried_rows", &Trial::queried_rows, "rows asked for").needed()},
            core::Nulls::omit};
  }
};

// Tokens before the last map, from the published lists of sides and not from Schedule.
double published_tokens(const Parameters& p) {
  static const std::map<std::string, double> tokens{
      {"var256", 424}, {"var512", 1216}, {"infinity", 6425}, {"one_step", 1}};
  const auto listed = tokens.find(p.schedule);
  return listed == tokens.end() ? theory::doubling_tokens(p.n) : listed->second;
}

// One step asks for each row at most once.
std::vector<Index> distinct_rows(core::Coins bob, Index tokens, Index count) {
  std::vector<Index> list(tokens);
  std::iota(list.begin(), list.end(), Index{0});
  core::Stream stream(bob, core::Purpose("distinct rows"), 0);
  for (Index i = 0; i < count; ++i)
    std::swap(list[i], list[boost::random::uniform_int_distribution<Index>(i, tokens - 1)(stream)]);
  list.resize(count);
  return list;
}

const analysis::ClaimText claim{
    .name = "var_schedules",
    .statement = "The last step reads all bits of all maps before it, in spite of its own n^2 zero tokens.",
    .note = R"(These are d (n^2 - 1)/3 bits for doubling sides, 424 d for VAR-256, 1216 d for VAR-512, 6425 d for
      Infinity and d for sides 1, n.)",
    .source = R"(Thm 4.5 of arXiv 2503.14881 with the growth assumption made explicit: N = sum of h_k w_k over k < K,
      tau for N - 1 + n^2 competing tokens)",
    .prediction = "bits recovered = N d (1 - H2(error)) = N d",
    .allowance = R"(2 %: the scaling is certified, so no bit is wrong; 2 % is what H2 leaves open when a finite
      number of rows shows no error)",
    .refutation = "a schedule from which less than 98 % of N d bits are read, or more than N d"};

class VarSchedules : public analysis::MeasuringClaim<Parameters, Trial> {
 public:
  VarSchedules() : MeasuringClaim(claim) {}

  void complete(Parameters& p, const sweep::Combination&) const override { p.n = resolved_n(p.schedule, p.n); }
  double operations(const Parameters& p) const override {
    const double tokens = p.instance().tokens(), d = p.d, rows = p.rows;
    return tokens * d * (tokens + 4 * rows) + 1e6;
  }

  analysis::Measured<Trial> measure(const Parameters& p, const analysis::Turn& turn) const override {
    const auto params = p.instance();
    const Index tokens = params.tokens(), own_tokens = Index{params.schedule.n()} * params.schedule.n();
    const Index per_instance = std::min({tokens, own_tokens, p.rows});
    const Index instances = (p.rows + per_instance - 1) / per_instance;
    double row_errors = 0;
    for (Index draw = 0; draw < instances; ++draw) {
      const DrawnInstance drawn(params, turn.seed, turn.trial * instances + draw, 0, own_tokens);
      if (!drawn.tau) return {sweep::Status::uncertified, {}};
      // At 30 % of it Bob's own tokens, all of value zero, outweigh the row that he asks for.
      const double tau = *drawn.tau * (p.mutation == Mutation::own_tokens_uncertified ? 0.3 : 1.0);
      const auto rows = distinct_rows(drawn.instance->coins().bob, tokens, per_instance);
      core::RowMatrixD queries(per_instance, params.d);
      for (Index i = 0; i < per_instance; ++i) queries.row(i) = tau * drawn.keys.row(rows[i]);

      attention::SoftmaxAttention<double> step(queries, params.d);
      const Index carried =
          p.mutation == Mutation::forgotten_map ? params.schedule.first_token(params.schedule.map_count() - 1) : tokens;
      step.absorb(drawn.keys.topRows(carried), drawn.values.topRows(carried));
      const core::RowMatrixD zeros = core::RowMatrixD::Zero(own_tokens, params.d);
      step.absorb(zeros, zeros);
      const core::RowMatrixD answers = step.result();
      for (Index i = 0; i < per_instance; ++i)
        row_errors += wrong_bits(answers.row(i), drawn.values.row(rows[i])) / params.d;
    }
    return Trial{row_errors, instances * per_instance};
  }

  core::Json config(analysis::Size size) const override {
    const bool quick = size == analysis::Size::quick;
    return {{"grid",
             {{{"schedule", "doubling"}, {"n", quick ? core::Json{8, 16, 32} : core::Json{4, 8, 16, 32, 64}}},
              {{"schedule", {"var256", "var512", "infinity"}}},
              {{"schedule", "one_step"}, {"n", {8, 16, 32}}}}},
            {"rows", quick ? 1024 : 2048},
            {"stop", analysis::trials(4, quick ? 12 : 24)}};
  }

  void judge(const std::vector<Point>& points, analysis::CheckList& checks) const override {
    using P = Parameters;
    for (const Point& point : points) {
      if (point.trials.empty()) continue;
      const P& p = point.parameters;
      std::vector<core::TrialErrors> errors;
      core::TrialErrors all;
      for (const Trial& trial : point.trials) {
        errors.push_back({*trial.row_errors, *trial.queried_rows});
        all = {all.row_errors + *trial.row_errors, all.rows + *trial.queried_rows};
      }
      const double bits = published_tokens(p) * p.d, held = 1.0 * p.instance().tokens() * p.d;
      const auto recovered = [=](double error) { return theory::binary_capacity(std::min(0.5, error)) * held; };
      checks.estimate(analysis::with(point.at(&P::schedule, &P::n, &P::d), "quantity", "bits read in the last step"),
                      recovered(all.mean()), bits, analysis::within_relative(bits, 0.02), [=](double level) {
                        const auto error = core::error_interval(errors, level);
                        return core::Interval{recovered(error.hi), recovered(error.lo)};
                      });
    }
  }
};

const core::Registration<sweep::Experiment, VarSchedules> registration;

}  // namespace
}  // namespace kvfrontier::experiments::var_schedules
