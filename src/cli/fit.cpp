// kvfrontier fit: how the least memory grows with n and d.

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <iostream>

#include "analysis/frontier.hpp"
#include "analysis/scaling_fit.hpp"
#include "cli/arguments.hpp"
#include "cli/verb_list.hpp"

namespace kvfrontier::cli {
namespace {

constexpr const char* fit_usage = "fit DIR [--target-error P]... [--over-floor] [--json]";

using analysis::Estimate;
using core::Json;

std::string estimate_text(const std::optional<Estimate>& estimate) {
  if (!estimate) return "-";
  const auto interval = estimate->interval(sweep::quoted_level);
  char text[64];
  std::snprintf(text, sizeof(text), "%.3f [%.3f, %.3f]", estimate->value, interval.lo, interval.hi);
  return text;
}

Json to_json(const std::optional<Estimate>& estimate) {
  if (!estimate) return nullptr;
  const auto interval = estimate->interval(sweep::quoted_level);
  return {{"value", estimate->value}, {"lo", interval.lo}, {"hi", interval.hi}};
}

bool doubling(const analysis::Curve& curve) {
  return analysis::is_doubling(curve.family);
}

void print(const analysis::Curve& curve, const std::optional<analysis::PowerLaw>& law) {
  const auto sizes = std::ssize(curve.reached);
  const std::string name = curve.curve.c_str(),
                    count = std::to_string(sizes) + "/" + std::to_string(sizes + curve.unreached);
  if (!law) {
    std::printf("%-32s %7s  %s\n", name.c_str(), count.c_str(), sizes == 0 ? "not reached" : "too few sizes");
    return;
  }
  double largest = 0;
  for (const double residual : law->residuals) largest = std::max(largest, std::abs(residual));
  std::printf("%-32s %7s  %-22s %-22s %-22s %8.4f %9.4f %7.2f\n", name.c_str(), count.c_str(),
              estimate_text(doubling(curve) ? law->n() : std::nullopt).c_str(), estimate_text(law->d).c_str(),
              estimate_text(law->tokens).c_str(), law->constant.value, largest, law->misfit);
}

void print_trends(const analysis::Curve& curve) {
  const auto all = analysis::trends_over_floor(curve.reached, analysis::Counted::all),
             entries = analysis::trends_over_floor(curve.reached, analysis::Counted::entries);
  std::printf("%-32s %7ld  %-23s %-23s  %-23s %-23s\n", curve.curve.c_str(), all.sizes,
              estimate_text(all.tokens).c_str(), estimate_text(all.d).c_str(), estimate_text(entries.tokens).c_str(),
              estimate_text(entries.d).c_str());
}

Json to_json(const analysis::Trends& trends) {
  return {{"tokens", to_json(trends.tokens)}, {"d", to_json(trends.d)}, {"sizes", trends.sizes}};
}

Json to_json(const analysis::Curve& curve, double target, const std::optional<analysis::PowerLaw>& law) {
  Json sizes = Json::array();
  for (std::size_t i = 0; i < curve.reached.size(); ++i) {
    const auto& size = curve.reached[i];
    sizes.push_back({{"n", size.n()},
                     {"d", size.d()},
                     {"tokens", size.tokens()},
                     {"bits", size.point.message_bits()},
                     {"fixed_bits", size.fixed_bits},
                     {"floor_bits", size.floor_bits},
                     {"information_bits", size.point.record.information_bits},
                     {"error", size.point.error().mean},
                     {"error_hi", size.point.error().interval.hi},
                     {"residual", law ? Json(law->residuals[i]) : Json()}});
  }
  const bool stored = std::any_of(curve.reached.begin(), curve.reached.end(),
                                  [](const analysis::Minimum& size) { return size.point.record.stored_keys; });
  return {{"family", Json::parse(curve.family)},
          {"curve", curve.curve},
          {"stored_keys", stored},
          {"target_error", target},
          {"unreached", curve.unreached},
          {"sizes", sizes},
          {"n", law && doubling(curve) ? to_json(law->n()) : Json()},
          {"d", law ? to_json(law->d) : Json()},
          {"tokens", law ? to_json(law->tokens) : Json()},
          {"constant", law ? to_json(std::optional(law->constant)) : Json()},
          {"misfit", law ? Json(law->misfit) : Json()},
          {"over_floor", to_json(analysis::trends_over_floor(curve.reached, analysis::Counted::all))},
          {"entries_over_floor", to_json(analysis::trends_over_floor(curve.reached, analysis::Counted::entries))}};
}

int fit(const std::vector<std::string>& arguments) {
  po::options_description flags("flags");
  flags.add_options()("target-error", po::value<std::vector<double>>()->composing(), target_error_help)(
      "over-floor", "how bits/floor grows where N >= 8 d: all bits, and those paid per entry of the values")(
      "json", "all of it as JSON, with every size, for figures");
  po::variables_map values;
  if (!parse("fit", fit_usage, flags, "DIR", 1, arguments, values)) return 0;
  const auto targets = target_errors(values);
  const auto [store, points] = Games(required(values, "DIR", "fit"));

  Json json = Json::array();
  const bool as_json = values.count("json") > 0, over_floor = values.count("over-floor") > 0;
  for (const double target : targets) {
    std::string family;
    const char* gap = target == targets.front() ? "" : "\n";
    if (!as_json && over_floor) {
      std::printf(
          "%sexponents of bits/floor at error %g, sizes with N >= 8 d: in N among equal d, in d among equal N\n", gap,
          target);
      std::printf("%-32s %7s  %-23s %-23s  %-23s %-23s\n", "scheme", "sizes", "all bits: in N", "in d",
                  "per entry: in N", "in d");
    } else if (!as_json) {
      std::printf("%sleast bits at error %g as C n^a d^b, a = 2 x the exponent of N, without fixed costs\n", gap,
                  target);
      std::printf("%-32s %7s  %-22s %-22s %-22s %8s %9s %7s\n", "scheme", "reached", "a", "b", "of N", "log c",
                  "residual", "misfit");
    }
    for (const auto& curve : analysis::curves_of(analysis::minimal_memory(store, points, target))) {
      const auto law = analysis::fit_power_law(curve.reached);
      if (as_json) {
        json.push_back(to_json(curve, target, law));
        continue;
      }
      if (curve.family != family) std::printf("%s\n", analysis::family_label(curve.family).c_str());
      family = curve.family;
      over_floor ? print_trends(curve) : print(curve, law);
    }
  }
  if (as_json) std::cout << json.dump(1) << "\n";
  return 0;
}

}  // namespace

Verb fit_verb() {
  return {"fit", fit_usage, "exponents of the least memory in n and d, with intervals", fit};
}

}  // namespace kvfrontier::cli
