// Budgets are kept, attained, and worth their bits.

#include <optional>
#include <set>

#include "../support/catch.hpp"
#include "core/statistics.hpp"
#include "matrix.hpp"

namespace kvfrontier::tests::budget {

using core::RowMatrixD;

TEST_CASE("fit never exceeds the budget, and the least is attainable", "[conformance]") {
  const auto instances = small_instances();
  std::size_t checks = 0;
  for (const auto* scheme : conforming_schemes()) {
    for (const Json& preset : presets(scheme->options())) {
      for (const auto& instance : instances) {
        const schemes::PublicParams open = conformance_params(*scheme, *instance, preset);
        if (refused(*scheme, open)) continue;
        const core::Bits least = scheme->fit(open, 0).least_bits;
        CAPTURE(scheme->name(), preset.dump(), open.tokens(), open.d, least);
        const auto length = [&](const core::Options& options) {
          schemes::PublicParams params = open;
          params.options = options;
          if (const auto formula = scheme->message_bits(params)) return *formula;
          return simulator::encode(params, *instance).bits.size;
        };
        // Around the least, and on through 40 steps beyond all that the scheme can use.
        const core::Bits most = length(scheme->fit(open, unlimited).options.value());
        std::set<core::Bits> budgets{0, least, least + 1, most, most + 1, unlimited};
        if (least > 0) budgets.insert(least - 1);
        for (core::Bits k = 0; k <= 40; ++k) budgets.insert(k * (most + 50) / 40);
        std::size_t wrong = 0;
        for (const core::Bits budget : budgets) {
          const schemes::Fit fit = scheme->fit(open, budget);
          ++checks;
          wrong += fit.options.has_value() != (budget >= least);
          wrong += fit.least_bits != least;
          if (!fit.options) continue;
          wrong += length(*fit.options) > budget;
          wrong += scheme->options().size_is_open(*fit.options);
          wrong += !(scheme->options().resolve(fit.options->to_json(), "") == *fit.options);
          // The budget is public before tau and the coins are.
          schemes::PublicParams elsewhere = open;
          elsewhere.tau = 0.1;
          elsewhere.coins = {99};
          wrong += !(scheme->fit(elsewhere, budget).options == fit.options);
        }
        CHECK(wrong == 0);
        const core::Bits shortest = length(scheme->fit(open, least).options.value());
        CHECK(shortest <= least);
        // A self-delimiting message may come out shorter than what its scheme can promise.
        if (scheme->fixed_length()) CHECK(shortest == least);
      }
    }
  }
  CHECK(checks > 300 * conforming_schemes().size());
}

TEST_CASE("more budget is not significantly worse", "[conformance]") {
  constexpr int trials = 40;
  const auto family = instance_params(geometry::Schedule::named("doubling", 8), 33);
  std::vector<std::unique_ptr<reduction::Instance>> instances;
  std::vector<double> taus;
  for (std::uint64_t trial = 0; trial < trials; ++trial) {
    instances.push_back(index_instance(family, trial));
    taus.push_back(tau_of(*instances.back()));
  }
  std::size_t steps = 0, budgeted = 0;
  for (const auto* scheme : conforming_schemes()) {
    if (!scheme->options().has_size()) continue;
    ++budgeted;
    std::vector<const core::Option*> choices;
    for (const core::Option& option : scheme->options().options()) {
      if (!is_number(option)) choices.push_back(&option);
    }
    for (const Json& preset : combinations(scheme->options().resolve(Json::object(), "").to_json(), choices)) {
      schemes::PublicParams open = conformance_params(*scheme, *instances[0], preset);
      if (refused(*scheme, open)) continue;
      const core::Bits least = scheme->fit(open, 0).least_bits;
      open.options = scheme->fit(open, unlimited).options.value();
      const core::Bits most = scheme->message_bits(open).value_or(4 * least);
      std::vector<double> before;
      Json last;
      for (core::Bits k = 0; k <= 4; ++k) {
        open.options = scheme->options().resolve(preset, "");
        const Json options = scheme->fit(open, least + (most - least) * k / 4).options.value().to_json();
        if (options == last) continue;
        last = options;
        std::vector<double> errors;
        for (std::size_t trial = 0; trial < trials; ++trial) {
          const auto& instance = *instances[trial];
          const auto params = conformance_params(*scheme, instance, options, taus[trial]);
          const RowMatrixD answers = answers_of(params, instance, taus[trial] * all_keys(instance).cast<double>());
          errors.push_back(((answers.array() > 0.5) != (all_values(instance).array() > 0.5f)).cast<double>().mean());
        }
        if (!before.empty()) {
          std::vector<double> worse;
          for (std::size_t trial = 0; trial < trials; ++trial) worse.push_back(errors[trial] - before[trial]);
          CAPTURE(scheme->name(), options.dump(), core::mean_of(worse));
          CHECK(core::student_interval(worse, 1 - 2e-6).lo <= 0);
          ++steps;
        }
        before = errors;
      }
    }
  }
  CHECK(steps >= budgeted);
}

}  // namespace kvfrontier::tests::budget
