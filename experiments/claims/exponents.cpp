// The least memory of every scheme grows like N d, and the measurement would see it if it did not.

#include <algorithm>
#include <set>

#include "analysis/judging_claim.hpp"
#include "analysis/scaling_fit.hpp"
#include "schemes/scheme.hpp"

namespace kvfrontier::experiments::exponents {
namespace {

using analysis::CheckList;
using core::Json;

constexpr double target_error = 0.1;
constexpr std::int64_t least_trials = 16, most_trials = 32;

// Schemes whose memory is N d times a constant, so that both exponents are known.
const std::set<std::string> exact_laws{"bitpack", "exact", "rate_distortion", "uniform"};

// The floor counts values only, so the schemes that can do without sending keys do. Blocks of 256, so that a
// code is as good at one size as at another.
Json entry_of(const std::string& name) {
  Json entry{{"name", name}};
  if (schemes::Schemes::find(name, "").options().find("keys") != nullptr) entry["keys"] = "public";
  if (name == "rate_distortion" || name == "ecsq") entry["block"] = 8;
  return entry;
}

// Whether four times the tokens cost more than six times the time, at the share of them that eviction would keep.
bool cost_per_token_grows(const Json& entry) {
  const auto& scheme = schemes::Schemes::find(entry.at("name"), "");
  const auto operations = [&](int n) {
    schemes::PublicParams params;
    params.schedule = geometry::Schedule::named("doubling", n);
    params.d = 16;
    params.embedding = "sphere";
    params.scheme = scheme.name();
    const Json open = scheme.options().resolve(entry, "scheme");
    const auto fitted = [&](std::uint64_t budget) {
      params.options = open;
      return scheme.fit(params, budget).options;
    };
    const Json largest = params.options = fitted(std::uint64_t{1} << 40).value_or(open);
    if (const auto bits = scheme.message_bits(params)) {
      const auto budget = static_cast<std::uint64_t>((1 - 2 * target_error) * static_cast<double>(*bits));
      params.options = fitted(budget).value_or(largest);
    }
    return scheme.operations(params, 256);
  };
  return operations(128) > 6 * operations(64);
}

class Exponents : public analysis::JudgingClaim {
 public:
  std::string name() const override { return "exponents"; }
  std::string statement() const override {
    return "the least memory at bit error .1 is Theta(n^2 d): exponents 2 and 1 for the schemes whose law is known; "
           "for no scheme do the bits that it pays per entry of the values fall behind the floor as N or d grows; "
           "on clusterable keys memory does not grow with n at all";
  }
  std::string source() const override {
    return "Omega(n^2 d), Thm 4.5 and 4.6 of arXiv 2503.14881, as a law measured over sizes";
  }
  std::string prediction() const override {
    return "bits = C n^a d^b, n standing for sqrt(3 N): a = 2 and b = 1 for bitpack, exact, uniform and "
           "rate_distortion at a fixed block. Exponents of bits/floor, in N among sizes of equal d and in d among "
           "sizes of equal N, >= 0 for every scheme that reaches the error at two such sizes with N >= 8 d: bits "
           "without keys, which the floor does not count, and without what is paid per token, per channel or once "
           "(scales, norms, low-rank parts), because of which all bits together do fall, for gear as N^-.04 d^-.7 at "
           "these sizes. shared_x, where one code serves keys and values, is held to the d directions of the values: "
           "it keeps at least those, and its whole code does fall, because the keys' part of it does. a < .3 for "
           "kmeans on 8 clusters, whose floor is 8 d";
  }
  std::string allowance() const override {
    return ".03: budgets are 2 % apart and sizes a factor 16 in N or 4 in d, so a step lost at one end moves an "
           "exponent by less than .015; as much again for the sampling of the error. Exponents over the floor are held "
           "to 95 % lower limits, scheme by scheme";
  }
  std::string refutation() const override {
    return "an exponent of a known law outside 2 or 1 +- .03, a scheme whose bits for an entry of the values fall "
           "behind the floor as N or d grows, or clusters that cost more the more tokens there are";
  }

  Json config(analysis::Size size) const override {
    const bool quick = size == analysis::Size::quick;
    Json known = Json::array(), linear = Json::array(), costly = Json::array();
    for (const auto& name : schemes::self_contained_schemes()) {
      const Json entry = entry_of(name);
      (exact_laws.count(name) > 0 ? known : cost_per_token_grows(entry) ? costly : linear).push_back(entry);
    }
    Json grid = Json::array();
    const auto cells = [&](Json sizes, Json d, const Json& entries, int queries) {
      sizes.update({{"d", std::move(d)}, {"scheme", entries}, {"queries", queries}});
      if (!entries.empty()) grid.push_back(std::move(sizes));
    };
    cells({{"n", {16, 32, 64}}}, 16, known, 1024);
    cells({{"n", {32, 64}}}, 64, known, 1024);
    cells({{"n", {32, 64, 128}}}, 16, linear, 512);
    cells({{"n", 64}}, 64, linear, 512);
    // 138 and 341 tokens.
    const Json smaller{{"sides", {1, 2, 4, 6, 9, 10}}}, larger{{"sides", {1, 2, 4, 8, 16, 17}}};
    cells({{"schedule", {smaller, larger}}}, 16, costly, 512);
    cells({{"schedule", larger}}, 40, costly, 512);
    if (!quick) {
      cells({{"n", 128}}, {16, 128}, known, 1024);
      cells({{"n", 128}}, 128, linear, 512);
      cells({{"n", {32, 64}}}, 16, costly, 512);
      cells({{"n", 64}}, 128, costly, 512);
    }
    if (schemes::Schemes::find_or_null("kmeans") != nullptr) {
      const Json instance{{"name", "clustered"}, {"clusters", 8}};
      cells({{"n", quick ? Json{16, 32, 64} : Json{16, 32, 64, 128}}, {"instance", instance}}, 16,
            {{"name", "kmeans"}, {"keys", "stored"}}, 256);
    }
    return {{"experiment", "minimal_memory"},
            {"grid", grid},
            {"target_error", target_error},
            {"mixture_queries", 0},
            {"random_queries", 0},
            {"stop", {{"min_trials", least_trials}, {"max_trials", most_trials}}}};
  }
  // Two sizes, and a few rows of eight trials: the error is known to a quarter of itself.
  Json undersampled_config() const override {
    Json json = config(analysis::Size::quick);
    const Json known = json["grid"][0]["scheme"];
    json["grid"] = {{"n", {16, 32}}, {"d", 16}, {"scheme", known}, {"queries", 8}};
    json["stop"] = {{"min_trials", 8}, {"max_trials", 8}};
    return json;
  }

  std::vector<std::string> sabotages() const override {
    return {"tokens_beyond_256_uncounted", "channels_beyond_32_uncounted", "clusters_grow"};
  }
  // Each lie about one part of the sweep is told about that part alone.
  Json sabotaged_config(const std::string& sabotage) const override {
    Json json = config(analysis::Size::quick);
    const Json grids = json["grid"];
    json["grid"] = sabotage == "clusters_grow" ? Json::array({grids.back()}) : Json::array({grids[0], grids[1]});
    return json;
  }
  void spoil(const std::string& sabotage, analysis::ClaimRows& rows) const override {
    for (auto& point : rows) {
      const double tokens = point.parameter("tokens"), d = point.parameter("d");
      const bool clustered = point.parameters.at("instance").at("name") == "clustered";
      double factor = 1;
      if (sabotage == "tokens_beyond_256_uncounted") factor = std::min(1.0, 256 / tokens);
      if (sabotage == "channels_beyond_32_uncounted") factor = std::min(1.0, 32 / d);
      if (sabotage == "clusters_grow" && clustered) factor = tokens / 85;
      for (auto& row : point.rows) {
        if (row.result.status == "ok")
          row.result.data["message_bits"] = factor * row.result.data.at("message_bits").get<double>();
      }
    }
  }

  std::vector<analysis::Check> judge(const analysis::ClaimRows& rows) const override {
    CheckList checks;
    const sweep::Store store = store_of(rows);
    for (const auto& curve :
         analysis::curves_of(analysis::minimal_memory(store, analysis::summarise(store), target_error))) {
      if (curve.reached.empty()) continue;
      const auto& first = curve.reached.front().point;
      const std::string scheme = first.at("scheme").at("name");
      const auto law = analysis::fit_power_law(curve.reached);
      const auto add = [&](const char* quantity, std::size_t sizes, const std::optional<analysis::Estimate>& estimate,
                           double predicted, core::Interval allowed, std::optional<double> own_level = {}) {
        if (!estimate) return;
        checks.estimate({{"scheme", scheme}, {"quantity", quantity}, {"sizes", sizes}}, estimate->value, predicted,
                        allowed, [=](double level) { return estimate->interval(own_level.value_or(level)); });
      };
      if (first.at("instance").at("name") == "clustered") {
        if (law) add("a on clusters", curve.reached.size(), law->n(), 0, analysis::at_most(.3));
        continue;
      }
      if (law && exact_laws.count(scheme) > 0) {
        add("a", curve.reached.size(), law->n(), 2, analysis::within_absolute(2, .03));
        add("b", curve.reached.size(), law->d, 1, analysis::within_absolute(1, .03));
      }
      // One code of `rank` directions makes both keys and values, so its ledger cannot tell them apart. The values have
      // d directions, which come first: their variance is d times that of the keys.
      if (scheme == "shared_x") {
        for (const auto& size : curve.reached) {
          const auto& point = size.point;
          checks.exact(
              {{"scheme", scheme}, {"quantity", "directions over d"}, {"tokens", size.tokens()}, {"d", size.d()}},
              point.at("scheme").at("options").at("rank").get<double>() / size.d(), 1, analysis::at_least(1));
        }
        continue;
      }
      // Lower limits at 95 % each, whatever the other checks are.
      const auto trends = analysis::trends_over_floor(curve.reached, analysis::Counted::entries);
      add("bits/floor in N", trends.sizes, trends.tokens, 0, analysis::at_least(-.03), .9);
      add("bits/floor in d", trends.sizes, trends.d, 0, analysis::at_least(-.03), .9);
    }
    return checks.finish();
  }

 private:
  // What the analysis of stored rows reads, with the number of looks of config().
  static sweep::Store store_of(const analysis::ClaimRows& rows) {
    sweep::StopRule rule;
    rule.min_trials = least_trials;
    rule.max_trials = most_trials;
    rule.targets = {target_error};
    const auto looks = static_cast<std::int64_t>(rule.checkpoints().size());
    sweep::Store store;
    for (const auto& point : rows) {
      for (const auto& row : point.rows) store.add(row);
      store.add(sweep::Stop{point.rows.front().point, static_cast<std::int64_t>(point.rows.size()), looks, "decided"});
    }
    return store;
  }
};

const core::Registration<sweep::Experiment, Exponents> registration;

}  // namespace
}  // namespace kvfrontier::experiments::exponents
