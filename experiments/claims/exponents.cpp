// The least memory of every scheme grows like N d, and the measurement would see it if it did not.

#include <algorithm>
#include <set>

#include "analysis/game_claim.hpp"
#include "analysis/scaling_fit.hpp"
#include "floor_sweep.hpp"
#include "schemes/scheme.hpp"

namespace kvfrontier::experiments::exponents {
namespace {

using analysis::CheckList;
using analysis::Games;
using core::Json;

constexpr double target_error = 0.1;
constexpr std::int64_t least_trials = 16, most_trials = 32;

// Schemes whose memory is N d times a constant, so that both exponents are known.
const std::set<std::string> exact_laws{"bitpack", "exact", "rate_distortion", "uniform"};

// Blocks of 256, so that a code is as good at one size as at another.
Json entry_of(const std::string& name) {
  Json entry = public_entry(name);
  if (name == "rate_distortion" || name == "ecsq") entry.push_back({"block", 8});
  return entry;
}

// Whether four times the tokens cost more than six times the time, at the share of them that eviction would keep.
bool cost_per_token_grows(const std::string& name) {
  const auto& scheme = schemes::Schemes::find(name, "scheme");
  const core::Options open = scheme.options().resolve(entry_of(name), "scheme");
  const auto operations = [&](int n) {
    schemes::PublicParams params;
    params.schedule = geometry::Schedule::named("doubling", n);
    params.d = 16;
    params.embedding = "sphere";
    params.scheme = name;
    const auto fitted = [&](core::Bits budget) {
      params.options = open;
      return scheme.fit(params, budget).options;
    };
    const core::Options largest = fitted(core::Bits{1} << 40).value_or(open);
    params.options = largest;
    if (const auto bits = scheme.message_bits(params)) {
      const auto budget = static_cast<core::Bits>((1 - 2 * target_error) * *bits);
      params.options = fitted(budget).value_or(largest);
    }
    return scheme.operations(params, 256);
  };
  return operations(128) > 6 * operations(64);
}

bool is_clustered(const simulator::GamePoint& point) {
  return point.instance.name == "clustered";
}

const analysis::ClaimText claim{
    .name = "exponents",
    .statement = "The least memory at bit error .1 is Theta(n^2 d).",
    .note = R"(The exponents are 2 and 1 for the schemes whose law is known. For no scheme do the bits that it pays per
      entry of the values fall behind the floor as N or d grows. On clusterable keys memory does not grow with n at
      all.)",
    .source = "Omega(n^2 d), Thm 4.5 and 4.6 of arXiv 2503.14881, as a law measured over sizes",
    .prediction = R"(bits = C n^a d^b, with sqrt(3 N) for n: a = 2 and b = 1 for bitpack, exact, uniform and
      rate_distortion at a fixed block. Exponents of bits/floor, in N among sizes of equal d and in d among sizes of
      equal N, are >= 0 for every scheme that reaches the error at two such sizes with N >= 8 d: bits without keys, which
      the floor does not count, and without what is paid per token, per channel or once (scales, norms, low-rank parts),
      because of which all bits together do fall, for gear as N^-.04 d^-.7 at these sizes. shared_x, where one code
      serves keys and values, is held to the d directions of the values: it keeps at least those, and its whole code does
      fall, because the keys' part of it does. a < .3 for kmeans on 8 clusters, whose floor is 8 d)",
    .allowance = R"(.03: budgets are 2 % apart and sizes a factor 16 in N or 4 in d, so a step lost at one end moves an
      exponent by less than .015; as much again allows for the sampling of the error. Exponents over the floor are held
      to 95 % lower limits, scheme by scheme)",
    .refutation =
        R"(an exponent of a known law outside 2 or 1 +- .03, a scheme whose bits for an entry of the values fall
      behind the floor as N or d grows, or clusters that cost more the more tokens there are)"};

class Exponents : public analysis::GameClaim {
 public:
  Exponents() : GameClaim(claim) {}

  Json config(analysis::Size size) const override {
    const bool quick = size == analysis::Size::quick;
    Json known = Json::array(), linear = Json::array(), costly = Json::array();
    for (const auto& name : schemes::self_contained_schemes()) {
      (exact_laws.contains(name) ? known : cost_per_token_grows(name) ? costly : linear).push_back(entry_of(name));
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
    return {
        {"experiment", "minimal_memory"}, {"grid", grid},        {"target_error", target_error},
        {"mixture_queries", 0},           {"random_queries", 0}, {"stop", analysis::trials(least_trials, most_trials)}};
  }
  // Two sizes, and a few rows of eight trials: the error is known to a quarter of itself.
  Json undersampled_config() const override {
    Json known = Json::array();
    for (const std::string& name : exact_laws) known.push_back(entry_of(name));
    Json json = config(analysis::Size::quick);
    json.update(
        {{"grid", {{"n", {16, 32}}, {"d", 16}, {"scheme", known}, {"queries", 8}}}, {"stop", analysis::trials(8)}});
    return json;
  }

  std::vector<std::string> mutations() const override {
    return {"tokens_beyond_256_uncounted", "channels_beyond_32_uncounted", "clusters_grow"};
  }
  // Each lie about one part of the sweep is told about that part alone.
  Json mutated_config(const std::string& mutation) const override {
    Json json = config(analysis::Size::quick);
    const std::string grid = "grid";
    const Json grids = json.at(grid);
    json.update(
        {{grid, mutation == "clusters_grow" ? Json::array({grids.back()}) : Json::array({grids[0], grids[1]})}});
    return json;
  }
  void mutate(const std::string& mutation, std::vector<Games>& points) const override {
    for (Games& games : points) {
      const double tokens = games.parameters.tokens, d = games.parameters.d;
      double factor = 1;
      if (mutation == "tokens_beyond_256_uncounted") factor = std::min(1.0, 256 / tokens);
      if (mutation == "channels_beyond_32_uncounted") factor = std::min(1.0, 32 / d);
      if (mutation == "clusters_grow" && is_clustered(games.parameters)) factor = tokens / 85;
      for (simulator::GameRecord& game : games.trials) game.message_bits = std::llround(factor * game.message_bits);
    }
  }

  void judge(const std::vector<Games>& points, CheckList& checks) const override {
    const sweep::Store store = store_of(points);
    for (const auto& curve :
         analysis::curves_of(analysis::minimal_memory(store, analysis::summarise(store), target_error))) {
      if (curve.reached.empty()) continue;
      const simulator::GamePoint& first = curve.reached.front().point.parameters;
      const std::string& scheme = first.scheme.name;
      const auto law = analysis::fit_power_law(curve.reached);
      const auto add = [&](const char* quantity, std::int64_t sizes, const std::optional<analysis::Estimate>& estimate,
                           double predicted, core::Interval allowed, std::optional<double> own_level = {}) {
        if (!estimate) return;
        checks.estimate({{"scheme", scheme}, {"quantity", quantity}, {"sizes", sizes}}, estimate->value, predicted,
                        allowed, [=](double level) { return estimate->interval(own_level.value_or(level)); });
      };
      const auto sizes = std::ssize(curve.reached);
      if (is_clustered(first)) {
        if (law) add("a on clusters", sizes, law->n(), 0, analysis::at_most(.3));
        continue;
      }
      if (law && exact_laws.contains(scheme)) {
        add("a", sizes, law->n(), 2, analysis::within_absolute(2, .03));
        add("b", sizes, law->d, 1, analysis::within_absolute(1, .03));
      }
      // One code of `rank` directions makes both keys and values, so its ledger cannot tell them apart. The values have
      // d directions, which come first: their variance is d times that of the keys.
      if (scheme == "shared_x") {
        for (const auto& size : curve.reached) {
          const double rank = size.point.parameters.scheme.options.to_json().value("rank", 0.0);
          checks.exact(
              {{"scheme", scheme}, {"quantity", "directions over d"}, {"tokens", size.tokens()}, {"d", size.d()}},
              rank / size.d(), 1, analysis::at_least(1));
        }
        continue;
      }
      // Lower limits at 95 % each, whatever the other checks are.
      const auto trends = analysis::trends_over_floor(curve.reached, analysis::Counted::entries);
      add("bits/floor in N", trends.sizes, trends.tokens, 0, analysis::at_least(-.03), .9);
      add("bits/floor in d", trends.sizes, trends.d, 0, analysis::at_least(-.03), .9);
    }
  }

 private:
  // What the analysis of stored records reads, with the number of looks of config().
  static sweep::Store store_of(const std::vector<Games>& points) {
    sweep::StopRule rule;
    rule.min_trials = least_trials;
    rule.max_trials = most_trials;
    rule.targets = {target_error};
    const std::int64_t looks = std::ssize(rule.checkpoints());
    const auto& experiment = sweep::Experiments::find("index_frontier", "experiment");
    sweep::Store store;
    for (const Games& games : points) {
      if (games.trials.empty()) continue;
      sweep::Record record;
      record.parameters = std::make_shared<const Json>(
          sweep::identified(experiment, core::to_json(games.parameters), games.parameters.seed));
      record.point = sweep::point_id(*record.parameters);
      for (const simulator::GameRecord& game : games.trials) {
        record.result = sweep::result_of(game);
        store.add(record);
        ++record.trial;
      }
      store.add(sweep::Stop{record.point, record.trial, looks, "decided"});
    }
    return store;
  }
};

const core::Registration<sweep::Experiment, Exponents> registration;

}  // namespace
}  // namespace kvfrontier::experiments::exponents
