// The bound concerns algorithms that see a stream of (q, k, v). The cache of a real model is a function of its discrete
// tokens, and those take N log2 |codebook| bits, whatever d is: who may run the model again can store them instead.

#include <cmath>

#include "analysis/measuring_claim.hpp"
#include "attention/attention.hpp"
#include "core/bits.hpp"
#include "drawn_instance.hpp"
#include "reduction/fair_bits.hpp"

namespace kvfrontier::experiments::recomputation_loophole {

enum class Mutation { none, arbitrary_values, tokens_sent_twice };

}  // namespace kvfrontier::experiments::recomputation_loophole

template <>
struct kvfrontier::core::EnumNames<kvfrontier::experiments::recomputation_loophole::Mutation> {
  static constexpr std::array names{"none", "arbitrary_values", "tokens_sent_twice"};
};

namespace kvfrontier::experiments::recomputation_loophole {
namespace {

using core::Bits;
using core::Index;
using core::Json;

struct Parameters {
  std::string schedule = "doubling";
  int n = 16;
  Index d = 64;
  int codebook_bits = 12;
  Index rows = 64;
  Mutation mutation = Mutation::none;

  static core::MemberList<Parameters> members() {
    return {schedule_member(&Parameters::schedule),
            n_member(&Parameters::n),
            d_member(&Parameters::d),
            core::member("codebook_bits", &Parameters::codebook_bits, "c, log2 of the number of tokens of the codebook")
                .range(1, 20),
            core::member("rows", &Parameters::rows, "rows asked for in a trial").range(1, 1'000'000),
            analysis::mutation_member(&Parameters::mutation)};
  }
  reduction::InstanceParams instance() const { return index_params(schedule, n, d); }
};

// Empty for an instance without a certified scaling.
struct Trial {
  std::optional<double> row_errors;
  std::optional<Index> queried_rows;
  std::optional<Bits> message_bits;
  static core::MemberList<Trial> members() {
    return {{core::member("row_errors", &Trial::row_errors, "sum of the queried rows' shares of wrong bits").needed(),
             core::member("queried_rows", &Trial::queried_rows, "queried rows").needed(),
             core::member("message_bits", &Trial::message_bits, "length of the message").unit("bits").needed()},
            core::Nulls::omit};
  }
};

const analysis::ClaimText claim{
    .name = "recomputation_loophole",
    .statement = R"(When value rows are a public function of one of 2^c tokens, N c bits answer every query without
      error, however large d is.)",
    .note = "This is far below the N d bits that arbitrary rows force.",
    .source = R"(entropy: H(cache) <= H(tokens) <= N log2 |codebook|; no contradiction to Thm 4.5, whose hard instance
      is no such function)",
    .prediction = "message bits / (N d) = c/d, and no wrong bit",
    .allowance = R"(none for the length. 0.01 of the bits: the recomputed cache is the same, so none is wrong; the
      allowance is for the finite sample)",
    .refutation = "a wrong bit in a recomputed cache, or a length that grows with d"};

// The public model: token -> value row.
Eigen::RowVectorXd model_row(core::Coins open, Index token, Index d) {
  Eigen::RowVectorXf row(d);
  reduction::write_fair_bits(open, token, row.data(), d);
  return row.cast<double>();
}

class RecomputationLoophole : public analysis::MeasuringClaim<Parameters, Trial> {
 public:
  RecomputationLoophole() : MeasuringClaim(claim) {}

  void complete(Parameters& p, const sweep::Combination&) const override { p.n = resolved_n(p.schedule, p.n); }

  analysis::Measured<Trial> measure(const Parameters& p, const analysis::Turn& turn) const override {
    const auto params = p.instance();
    const Index tokens = params.tokens(), d = p.d;
    const int bits = p.codebook_bits;
    const bool sent_twice = p.mutation == Mutation::tokens_sent_twice;
    const DrawnInstance drawn(params, turn.seed, turn.trial, 0);
    if (!drawn.tau) return {sweep::Status::uncertified, {}};
    const auto& coins = drawn.instance->coins();
    // Alice's cache: row `token` of the public model at every place, unless the mutation makes it arbitrary.
    core::BitWriter writer;
    writer.section("tokens");
    core::RowMatrixD values(tokens, d);
    core::Stream stream(coins.alice, core::Purpose("recomputation/tokens"), 0);
    for (Index j = 0; j < tokens; ++j) {
      const std::uint64_t token = stream.next64() & ((std::uint64_t{1} << bits) - 1);
      values.row(j) = p.mutation == Mutation::arbitrary_values ? Eigen::RowVectorXd(drawn.values.row(j))
                                                               : model_row(coins.open, token, d);
      writer.put(token, bits);
      if (sent_twice) writer.put(token, bits);
    }
    // Bob's: the same model on what he reads.
    core::BitReader reader(writer.bits());
    core::RowMatrixD recomputed(tokens, d);
    for (Index j = 0; j < tokens; ++j) {
      recomputed.row(j) = model_row(coins.open, reader.get(bits), d);
      if (sent_twice) reader.get(bits);
    }
    const auto asked = drawn.instance->queried_rows(p.rows);
    const Index count = std::ssize(asked);
    core::RowMatrixD queries(count, d), truth = queries;
    for (Index i = 0; i < count; ++i) {
      queries.row(i) = *drawn.tau * drawn.keys.row(asked[i]);
      truth.row(i) = values.row(asked[i]);
    }
    const core::RowMatrixD answers = attention::softmax_attention<double>(queries, drawn.keys, recomputed);
    const double wrong = ((answers.array() > 0.5) != (truth.array() > 0.5)).count();
    return Trial{wrong / d, count, writer.bits().size};
  }

  Json config(analysis::Size size) const override {
    const bool quick = size == analysis::Size::quick;
    return {{"grid", {{"d", quick ? Json{32, 64, 128} : Json{32, 64, 128, 256}}, {"codebook_bits", {4, 12}}}},
            {"n", quick ? 16 : 32},
            {"stop", analysis::trials(8, quick ? 32 : 64)}};
  }

  void judge(const std::vector<Point>& points, analysis::CheckList& checks) const override {
    using P = Parameters;
    for (const Point& point : points) {
      if (point.trials.empty()) continue;
      const P& p = point.parameters;
      std::vector<core::TrialErrors> errors;
      for (const Trial& trial : point.trials) errors.push_back({*trial.row_errors, *trial.queried_rows});
      const double entries = p.instance().tokens() * p.d, law = 1.0 * p.codebook_bits / p.d;
      const Json at = point.at(&P::n, &P::d, &P::codebook_bits);
      checks.exact(analysis::with(at, "quantity", "message bits / N d"),
                   core::mean_of(point.values(&Trial::message_bits)) / entries, law,
                   analysis::within_relative(law, 1e-9));
      checks.error(analysis::with(at, "quantity", "wrong bits"), errors, 0, analysis::at_most(0.01));
    }
  }
};

const core::Registration<sweep::Experiment, RecomputationLoophole> registration;

}  // namespace
}  // namespace kvfrontier::experiments::recomputation_loophole
