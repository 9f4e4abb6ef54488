// The bound concerns algorithms that see a stream of (q, k, v). The cache of a real model is a function of its discrete
// tokens, and those take N log2 |codebook| bits, whatever d is: who may run the model again can store them instead.

#include <boost/random/uniform_int_distribution.hpp>
#include <cmath>

#include "analysis/claim.hpp"
#include "attention/attention.hpp"
#include "core/bits.hpp"
#include "drawn_instance.hpp"
#include "reduction/fair_bits.hpp"

namespace kvfrontier::experiments::recomputation_loophole {
namespace {

using analysis::CheckList;
using core::Index;
using core::Json;

class RecomputationLoophole : public analysis::Claim {
 public:
  std::string name() const override { return "recomputation_loophole"; }
  std::string statement() const override {
    return "when value rows are a public function of one of 2^c tokens, N c bits answer every query without error, "
           "however large d is: far below the N d bits that arbitrary rows force";
  }
  std::string source() const override {
    return "entropy: H(cache) <= H(tokens) <= N log2 |codebook|; no contradiction to Thm 4.5, whose hard instance is "
           "no such function";
  }
  std::string prediction() const override { return "message bits / (N d) = c/d, and no wrong bit"; }
  std::string allowance() const override {
    return "none for the length. 0.01 of the bits: the recomputed cache is the same, so none is wrong, in a finite "
           "sample";
  }
  std::string refutation() const override { return "a wrong bit in a recomputed cache, or a length that grows with d"; }

  const core::OptionTable& options() const override {
    static const core::OptionTable table = [] {
      auto list = shape_options(16, 64);
      return core::OptionTable{
          list[0],
          list[1],
          list[2],
          core::Option::integer("codebook_bits", 12, 1, 20, "c, log2 of the number of tokens of the codebook"),
          core::Option::integer("rows", 64, 1, 1'000'000, "rows asked for in a trial"),
          analysis::sabotage_option({"arbitrary_values", "tokens_sent_twice"})};
    }();
    return table;
  }
  Json resolve(const sweep::Combination& combination) const override {
    Json parameters;
    resolve_shape(combination, parameters);
    for (const char* name : {"codebook_bits", "rows", "sabotage"}) parameters[name] = combination.value(name);
    return parameters;
  }

  sweep::TrialResult measure(const Json& parameters, std::uint64_t trial, const sweep::TrialContext&) const override {
    const auto params = index_params(parameters);
    const int bits = parameters.at("codebook_bits");
    const std::string sabotage = parameters.at("sabotage");
    const DrawnInstance drawn(params, parameters.at("seed"), trial, 0);
    if (!drawn.tau) return {"uncertified", Json::object()};
    const auto& coins = drawn.instance->coins();
    // Alice's cache: row `token` of the public model at every place. Under the sabotage nothing of the kind.
    core::BitWriter writer;
    writer.section("tokens");
    core::RowMatrixD values(params.tokens(), params.d);
    core::Stream stream(coins.alice, core::Purpose("recomputation/tokens"), 0);
    for (Index j = 0; j < params.tokens(); ++j) {
      const std::uint64_t token = stream.next64() & ((std::uint64_t{1} << bits) - 1);
      values.row(j) = sabotage == "arbitrary_values" ? Eigen::RowVectorXd(drawn.values.row(j))
                                                     : model_row(coins.open, token, params.d);
      writer.put(token, bits);
      if (sabotage == "tokens_sent_twice") writer.put(token, bits);
    }
    // Bob's: the same model on what he reads.
    core::BitReader reader(writer.bits());
    core::RowMatrixD recomputed(params.tokens(), params.d);
    for (Index j = 0; j < params.tokens(); ++j) {
      recomputed.row(j) = model_row(coins.open, reader.get(bits), params.d);
      if (sabotage == "tokens_sent_twice") reader.get(bits);
    }
    const auto asked = drawn.instance->queried_rows(parameters.at("rows"));
    core::RowMatrixD queries(static_cast<Index>(asked.size()), params.d), truth = queries;
    for (std::size_t i = 0; i < asked.size(); ++i) {
      queries.row(static_cast<Index>(i)) = *drawn.tau * drawn.keys.row(asked[i]);
      truth.row(static_cast<Index>(i)) = values.row(asked[i]);
    }
    const core::RowMatrixD answers = attention::softmax_attention<double>(queries, drawn.keys, recomputed);
    const double wrong = static_cast<double>(((answers.array() > 0.5) != (truth.array() > 0.5)).count());
    return {"ok",
            {{"row_errors", wrong / static_cast<double>(params.d)},
             {"queried_rows", asked.size()},
             {"message_bits", writer.bits().size}}};
  }

  Json config(analysis::Size size) const override {
    const bool quick = size == analysis::Size::quick;
    return {{"grid", {{"d", quick ? Json{32, 64, 128} : Json{32, 64, 128, 256}}, {"codebook_bits", {4, 12}}}},
            {"n", quick ? 16 : 32},
            {"stop", {{"min_trials", 8}, {"max_trials", quick ? 32 : 64}}}};
  }

  std::vector<analysis::Check> judge(const analysis::ClaimRows& rows) const override {
    CheckList checks;
    for (const auto& point : rows) {
      const auto wrong = point.values("row_errors"), asked = point.values("queried_rows"),
                 bits = point.values("message_bits");
      std::vector<core::TrialErrors> errors;
      for (std::size_t i = 0; i < wrong.size(); ++i) errors.push_back({wrong[i], static_cast<std::int64_t>(asked[i])});
      if (errors.empty()) continue;
      const double entries = static_cast<double>(schedule_of(point.parameters).tokens()) * point.parameter("d"),
                   law = point.parameter("codebook_bits") / point.parameter("d");
      Json at = point.at({"n", "d", "codebook_bits"});
      at["quantity"] = "message bits / N d";
      checks.exact(at, core::mean_of(bits) / entries, law, analysis::within_relative(law, 1e-9));
      at["quantity"] = "wrong bits";
      checks.error(at, errors, 0, analysis::at_most(0.01));
    }
    return checks.finish();
  }

 private:
  // The public model: token -> value row.
  static Eigen::RowVectorXd model_row(core::RandomKey open, std::uint64_t token, Index d) {
    Eigen::RowVectorXf row(d);
    reduction::write_fair_bits(open, static_cast<Index>(token), row.data(), d);
    return row.cast<double>();
  }
};

const core::Registration<sweep::Experiment, RecomputationLoophole> registration;

}  // namespace
}  // namespace kvfrontier::experiments::recomputation_loophole
