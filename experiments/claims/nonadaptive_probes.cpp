// An algorithm that fixes which cells of V it reads before it sees the query learns the asked bit with probability
// 1/2 + s/(2 N d) from s cells: success 2/3 costs a third of all cells, so time Omega(N d).

#include <algorithm>
#include <boost/random/uniform_int_distribution.hpp>
#include <cmath>
#include <numeric>
#include <optional>

#include "analysis/measuring_claim.hpp"
#include "attention/all_pairs.hpp"
#include "attention/attention.hpp"
#include "geometry/embedding.hpp"
#include "reduction/certificate.hpp"

namespace kvfrontier::experiments::nonadaptive_probes {

enum class Strategy { rows, columns, scattered };
enum class Mutation { none, probes_after_query };

}  // namespace kvfrontier::experiments::nonadaptive_probes

template <>
struct kvfrontier::core::EnumNames<kvfrontier::experiments::nonadaptive_probes::Strategy> {
  static constexpr std::array names{"rows", "columns", "scattered"};
};
template <>
struct kvfrontier::core::EnumNames<kvfrontier::experiments::nonadaptive_probes::Mutation> {
  static constexpr std::array names{"none", "probes_after_query"};
};

namespace kvfrontier::experiments::nonadaptive_probes {
namespace {

using core::Index;
using core::Json;

struct Parameters {
  Strategy strategy = Strategy::scattered;
  double share = 0.5;
  Index tokens = 64, d = 48;
  Mutation mutation = Mutation::none;

  static core::MemberList<Parameters> members() {
    return {core::member("strategy", &Parameters::strategy,
                         "which cells are read: whole rows, whole columns, random cells"),
            core::member("share", &Parameters::share, "s / (N d)").range(0, 1),
            core::member("tokens", &Parameters::tokens, "N").range(2, 4096),
            core::member("d", &Parameters::d, "width of keys and of values").range(2, 4096),
            analysis::mutation_member(&Parameters::mutation)};
  }
};

// Empty for keys without a certified scaling.
struct Trial {
  std::optional<double> success;
  std::optional<Index> cells;
  std::optional<double> tau;
  static core::MemberList<Trial> members() {
    return {{core::member("success", &Trial::success, "share of the bits that are read right").needed(),
             core::member("cells", &Trial::cells, "s, cells of V that are read").needed(),
             core::member("tau", &Trial::tau, "certified query scaling").needed()},
            core::Nulls::omit};
  }
};

const analysis::ClaimText claim{
    .name = "nonadaptive_probes",
    .statement = R"(Attention from s cells of V that are fixed before the query answers one random bit with probability
      1/2 + s/(2 N d), whichever cells they are.)",
    .note = "Success 2/3 therefore costs a third of all cells.",
    .source = "non-adaptive time lower bound Omega(n d) of arXiv 2502.15955, as an average over the asked cell",
    .prediction = "success = 1/2 + s/(2 N d)",
    .allowance = R"(0.01: the law is exact for distinct cells and certified tau (a cell that was read always decodes,
      any other is a fair coin); the allowance is for the finite number of draws)",
    .refutation = R"(a success more than 0.01 from 1/2 + s/(2 N d); above it the probes would have to know the
      query)"};

// `count` distinct cells, chosen with public coins and without sight of query or values.
std::vector<Index> probed(Strategy strategy, Index tokens, Index d, Index count, core::Coins coins) {
  std::vector<Index> cells(tokens * d);
  std::iota(cells.begin(), cells.end(), Index{0});
  if (strategy == Strategy::columns) {
    for (Index i = 0; i < tokens * d; ++i) cells[i] = i % tokens * d + i / tokens;
  } else if (strategy == Strategy::scattered) {
    core::Stream stream(coins, core::Purpose("nonadaptive_probes/cells"), 0);
    for (std::size_t i = 0; i + 1 < cells.size(); ++i) {
      boost::random::uniform_int_distribution<std::size_t> rest(i, cells.size() - 1);
      std::swap(cells[i], cells[rest(stream)]);
    }
  }
  cells.resize(count);
  return cells;
}

class NonadaptiveProbes : public analysis::MeasuringClaim<Parameters, Trial> {
 public:
  NonadaptiveProbes() : MeasuringClaim(claim) {}

  double operations(const Parameters& p) const override { return 8.0 * p.tokens * p.tokens * p.d; }

  analysis::Measured<Trial> measure(const Parameters& p, const analysis::Turn& turn) const override {
    const Index tokens = p.tokens, d = p.d;
    const std::string identity = Json{{"tokens", tokens}, {"d", d}}.dump();
    const auto public_coins = turn.coins(identity), alice_coins = turn.coins(identity, "alice");

    core::RowMatrixF keys(tokens, d);
    geometry::Embeddings::find("sphere", "embedding").rows(public_coins, tokens, 0, keys);
    const auto products = attention::largest_products(keys);
    const double margin = 1 - *std::max_element(products.begin(), products.end());
    const auto tau = reduction::certified_tau(margin, tokens, 0, 500);
    if (!tau) return {sweep::Status::uncertified, {}};

    core::RowMatrixD bits(tokens, d);
    for (Index i = 0; i < tokens; ++i) {
      core::Stream stream(alice_coins, core::Purpose("nonadaptive_probes/bits"), i);
      for (Index c = 0; c < d; ++c) bits(i, c) = stream() & 1;
    }
    const Index cells = std::lround(p.share * (tokens * d));
    core::RowMatrixD seen = core::RowMatrixD::Constant(tokens, d, 0.5);
    for (const Index cell : probed(p.strategy, tokens, d, cells, public_coins))
      seen(cell / d, cell % d) = bits(cell / d, cell % d);

    // Every cell is asked for: the mean over a uniformly random question.
    const core::RowMatrixD key_rows = keys.cast<double>(), queries = key_rows * *tau;
    const core::RowMatrixD answers = attention::softmax_attention<double>(queries, key_rows, seen);
    Index right = ((answers.array() > 0.5) == (bits.array() > 0.5)).count();
    if (p.mutation == Mutation::probes_after_query) {  // as many cells as before, spent on the asked rows
      right = 0;
      for (Index i = 0; i < tokens; ++i) right += i * d < 2 * cells ? d : d / 2;
    }
    return Trial{1.0 * right / (tokens * d), cells, *tau};
  }

  Json config(analysis::Size size) const override {
    const bool quick = size == analysis::Size::quick;
    // 1/3 is where success reaches 2/3.
    Json share = {0.0, 0.125, 1.0 / 3, 0.5, 0.75, 1.0};
    return {{"grid", {{"strategy", {"rows", "columns", "scattered"}}, {"share", share}}},
            {"tokens", quick ? 64 : 256},
            {"d", quick ? 48 : 64},
            {"stop", analysis::trials(8, quick ? 100 : 200)}};
  }

  void judge(const std::vector<Point>& points, analysis::CheckList& checks) const override {
    using P = Parameters;
    for (const Point& point : points) {
      if (point.trials.empty()) continue;
      const P& p = point.parameters;
      const double law = 0.5 + *point.trials.front().cells / (2.0 * p.tokens * p.d);
      checks.mean(point.at(&P::strategy, &P::share, &P::tokens, &P::d), point.values(&Trial::success), law,
                  analysis::within_absolute(law, 0.01));
    }
  }
};

const core::Registration<sweep::Experiment, NonadaptiveProbes> registration;

}  // namespace
}  // namespace kvfrontier::experiments::nonadaptive_probes
