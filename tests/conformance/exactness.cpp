// What schemes that hold whole rows promise: the exact answer from all of them, and silence about the others.

#include <optional>
#include <set>

#include "../support/catch.hpp"
#include "attention/attention.hpp"
#include "matrix.hpp"

namespace kvfrontier::tests::exactness {

using core::RowMatrixD;
using core::RowMatrixF;

namespace {

// Schemes that hold every row when they have a slot for each.
const std::set<std::string> row_schemes{"exact",         "h2o",      "kmeans",        "less",           "loma",
                                        "loma_lossless", "prefixkv", "streaming_llm", "subgen_kcenter", "uniform"};

// Schemes that keep whole rows and choose them without looking at values.
const std::vector<std::string> eviction_schemes{"h2o", "prefixkv", "streaming_llm", "subgen_kcenter", "uniform"};

}  // namespace

TEST_CASE("everything kept gives the exact answer where it is promised", "[conformance][library]") {
  const auto instances = small_instances();
  const auto promised = [](const Game& game) -> std::optional<double> {
    const std::string name = game.scheme->name();
    const Json options = game.params.options.to_json();
    // Values of two levels survive half floats, one bit and min/max groups; other values only fp32.
    static const std::set<std::string> two_levels{"index", "worst_case", "clustered", "windowed"};
    const bool only_floats = two_levels.count(game.instance->params().family) == 0;
    if (only_floats && options.value("format", "") != "fp32") return std::nullopt;
    if (only_floats && name == "kivi") return std::nullopt;
    if (name == "bitpack" && game.size == "full") return 1e-12;
    const bool rows = row_schemes.count(name) > 0 && (game.size == "full" || game.size == "fixed");
    if (rows && (options["format"] == "fp32" || options["keys"] == "public")) return 1e-12;
    if (name == "kivi" && options["keys"] == "public" && options["rotation"] == "none" && options["format"] == "fp32")
      return 1e-6;
    return std::nullopt;
  };
  std::set<std::string> kept_promise;
  Tally tally;
  for (const auto* scheme : conforming_schemes()) {
    for_each_game(*scheme, instances, [&](const Game& game) {
      const auto tolerance = promised(game);
      if (!tolerance) return;
      const RowMatrixD queries = queries_of(*game.instance, game.params.tau);
      const RowMatrixD exact = attention::softmax_attention_oracle(queries, all_keys(*game.instance).cast<double>(),
                                                                   all_values(*game.instance).cast<double>());
      tally.expect((answers_of(game.params, *game.instance, queries) - exact).cwiseAbs().maxCoeff() <= *tolerance, game,
                   "the answer is not exact");
      kept_promise.insert(scheme->name());
    });
  }
  std::set<std::string> promising = row_schemes;
  promising.insert({"bitpack", "kivi"});
  CHECK(kept_promise == promising);
}

TEST_CASE("values of evicted tokens do not change the message", "[conformance][library]") {
  const auto instances = small_instances();
  Tally tally;
  for (const std::string& name : eviction_schemes) {
    const auto* scheme = schemes::Schemes::find_or_null(name);
    REQUIRE(scheme != nullptr);
    for_each_game(*scheme, instances, [&](const Game& game) {
      const Index tokens = game.params.tokens();
      const RowMatrixF keys = all_keys(*game.instance), values = all_values(*game.instance);
      const auto message = simulator::encode(game.params, *game.instance);
      Index unheard = 0;
      for (Index token = 0; token < tokens; ++token) {
        RowMatrixF changed = values;
        changed.row(token).array() = 1 - changed.row(token).array();
        const GivenInstance other(game.instance->params(), game.instance->coins(), keys, changed);
        unheard += simulator::encode(game.params, other).bits == message.bits;
      }
      const Json options = game.params.options.to_json();
      const core::Bits row =
          (options["keys"] == "stored" ? 2 : 1) * (options["format"] == "fp32" ? 32 : 16) * game.params.d;
      tally.expect(unheard == tokens - static_cast<Index>(message.bits.size / row), game,
                   "not exactly the evicted tokens are unheard");
    });
  }
}

}  // namespace kvfrontier::tests::exactness
