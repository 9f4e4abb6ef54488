// F21. An algorithm that fixes which cells of V it reads before it sees the query learns the asked bit with probability
// 1/2 + s/(2 N d) from s cells: success 2/3 costs a third of all cells, so time Omega(N d).

#include <cmath>
#include <numeric>

#include <boost/random/uniform_int_distribution.hpp>

#include "analysis/claim.hpp"
#include "attention/all_pairs.hpp"
#include "attention/attention.hpp"
#include "core/rng.hpp"
#include "geometry/embedding.hpp"
#include "reduction/certificate.hpp"

namespace kvfrontier::experiments::nonadaptive_probes {
namespace {

using analysis::CheckList;
using core::Index;
using core::Json;

class NonadaptiveProbes : public analysis::Claim {
 public:
  std::string name() const override { return "nonadaptive_probes"; }
  std::string statement() const override {
    return "attention from s cells of V that are fixed before the query answers one random bit with probability 1/2 + "
           "s/(2 N d), whichever cells they are";
  }
  std::string source() const override {
    return "non-adaptive time lower bound Omega(n d) of arXiv 2502.15955, as an average over the asked cell";
  }
  std::string prediction() const override { return "success = 1/2 + s/(2 N d)"; }
  std::string allowance() const override {
    return "0.01: the law is exact for distinct cells and certified tau (a read cell always decodes, an unread one is "
           "a fair coin); the rest is for the finite number of draws";
  }
  std::string refutation() const override {
    return "a success more than 0.01 from 1/2 + s/(2 N d); above it the probes would have to know the query";
  }

  const core::OptionTable& options() const override {
    using core::Option;
    static const core::OptionTable table{
        Option::choice("strategy", "scattered", {"rows", "columns", "scattered"},
                       "which cells are read: whole rows, whole columns, random cells"),
        Option::real("share", 0.5, 0, 1, "s / (N d)"), Option::integer("tokens", 64, 2, 4096, "N"),
        Option::integer("d", 48, 2, 4096, "width of keys and of values"),
        analysis::sabotage_option({"probes_after_query"})};
    return table;
  }
  Json resolve(const sweep::Combination& combination) const override {
    Json parameters;
    for (const char* name : {"strategy", "share", "tokens", "d", "sabotage"})
      parameters[name] = combination.value(name);
    return parameters;
  }
  double operations(const Json& parameters) const override {
    const double tokens = parameters.at("tokens"), d = parameters.at("d");
    return 8 * tokens * tokens * d;
  }

  sweep::TrialResult measure(const Json& parameters, std::uint64_t trial, const sweep::TrialContext&) const override {
    const Index tokens = parameters.at("tokens"), d = parameters.at("d");
    const std::string identity = Json{{"tokens", tokens}, {"d", d}}.dump();
    const auto public_key = core::derive_key(parameters.at("seed"), identity, trial, "public");
    const auto alice_key = core::derive_key(parameters.at("seed"), identity, trial, "alice");

    core::RowMatrixF keys(tokens, d);
    geometry::Embeddings::find("sphere", "embedding").rows(public_key, tokens, 0, keys);
    const auto products = attention::largest_products(keys);
    const double gap = 1 - *std::max_element(products.begin(), products.end());
    const auto tau = reduction::certified_tau(gap, tokens, 0, 500);
    if (!tau) return {"uncertified", Json::object()};

    core::RowMatrixD bits(tokens, d);
    for (Index i = 0; i < tokens; ++i) {
      core::Stream stream(alice_key, core::Purpose("nonadaptive_probes/bits"), static_cast<std::uint64_t>(i));
      for (Index c = 0; c < d; ++c) bits(i, c) = stream() & 1;
    }
    const auto cells =
        static_cast<Index>(std::lround(parameters.at("share").get<double>() * static_cast<double>(tokens * d)));
    core::RowMatrixD seen = core::RowMatrixD::Constant(tokens, d, 0.5);
    for (const Index cell : probed(parameters.at("strategy"), tokens, d, cells, public_key))
      seen(cell / d, cell % d) = bits(cell / d, cell % d);

    // Every cell is asked for: the mean over a uniformly random question.
    const core::RowMatrixD key_rows = keys.cast<double>(), queries = key_rows * *tau;
    const core::RowMatrixD answers = attention::softmax_attention<double>(queries, key_rows, seen);
    auto right = ((answers.array() > 0.5) == (bits.array() > 0.5)).count();
    if (parameters.at("sabotage") == "probes_after_query") {  // as many cells as before, spent on the asked rows
      right = 0;
      for (Index i = 0; i < tokens; ++i) right += i * d < 2 * cells ? d : d / 2;
    }
    return {
        "ok",
        {{"success", static_cast<double>(right) / static_cast<double>(tokens * d)}, {"cells", cells}, {"tau", *tau}}};
  }

  Json config(analysis::Size size) const override {
    const bool quick = size == analysis::Size::quick;
    // 1/3 is where success reaches 2/3.
    Json share = {0.0, 0.125, 1.0 / 3, 0.5, 0.75, 1.0};
    return {{"grid", {{"strategy", {"rows", "columns", "scattered"}}, {"share", share}}},
            {"tokens", quick ? 64 : 256},
            {"d", quick ? 48 : 64},
            {"stop", {{"min_trials", 8}, {"max_trials", quick ? 100 : 200}}}};
  }

  std::vector<analysis::Check> judge(const analysis::ClaimRows& rows) const override {
    CheckList checks;
    for (const auto& point : rows) {
      const auto cells = point.values("cells");
      if (cells.empty()) continue;
      const double law = 0.5 + cells.front() / (2 * point.parameter("tokens") * point.parameter("d"));
      checks.mean(point.at({"strategy", "share", "tokens", "d"}), point.values("success"), law,
                  analysis::within_absolute(law, 0.01));
    }
    return checks.finish();
  }

 private:
  // `count` distinct cells, chosen with public coins and without sight of query or values.
  static std::vector<Index> probed(const std::string& strategy, Index tokens, Index d, Index count,
                                   core::RandomKey key) {
    std::vector<Index> cells(static_cast<std::size_t>(tokens * d));
    std::iota(cells.begin(), cells.end(), Index{0});
    if (strategy == "columns") {
      for (std::size_t i = 0; i < cells.size(); ++i) {
        const auto place = static_cast<Index>(i);
        cells[i] = place % tokens * d + place / tokens;
      }
    } else if (strategy == "scattered") {
      core::Stream stream(key, core::Purpose("nonadaptive_probes/cells"), 0);
      for (std::size_t i = 0; i + 1 < cells.size(); ++i) {
        boost::random::uniform_int_distribution<std::size_t> rest(i, cells.size() - 1);
        std::swap(cells[i], cells[rest(stream)]);
      }
    }
    cells.resize(static_cast<std::size_t>(count));
    return cells;
  }
};

const core::Registration<sweep::Experiment, NonadaptiveProbes> registration;

}  // namespace
}  // namespace kvfrontier::experiments::nonadaptive_probes
