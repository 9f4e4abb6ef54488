// The scheme sweep: every scheme plays INDEX-type instances at every budget, and its error is recorded against the
// exact bits that Bob read.

#include <algorithm>
#include <cmath>

#include "core/errors.hpp"
#include "core/statistics.hpp"
#include "instance_cache.hpp"
#include "reduction/certificate.hpp"
#include "simulator/game.hpp"
#include "simulator/metrics.hpp"
#include "sweep/experiment.hpp"

namespace kvfrontier::experiments::index_frontier {
namespace {

using core::ConfigError;
using core::Index;
using core::join_path;
using core::Json;

// The typed form of a point's resolved parameters.
struct GamePoint {
  reduction::InstanceParams instance;
  schemes::PublicParams params;  // tau and key still open
  reduction::Scaling scaling;
  double eta = 0, max_tau = 0;
  std::optional<double> rate;  // budgeted points
  Index queries = 0, mixture_queries = 0, random_queries = 0;
  std::uint64_t seed = 0;

  const schemes::Scheme& scheme() const { return schemes::Schemes::find(params.scheme, "scheme.name"); }

  static GamePoint of(const Json& json) {
    GamePoint point;
    point.instance.family = json.at("instance").at("name");
    point.instance.options = json.at("instance").at("options");
    point.instance.schedule = geometry::Schedule(json.at("schedule"), json.at("sides"));
    point.instance.d = json.at("d");
    point.instance.embedding = json.at("embedding");
    point.params.schedule = point.instance.schedule;
    point.params.d = point.instance.d;
    point.params.embedding = point.instance.embedding;
    const auto& family = reduction::InstanceFamilies::find(point.instance.family, "instance.name");
    point.params.keys_are_public = family.keys_are_public();
    point.params.projection = family.projection(point.instance);
    point.params.chunk = json.at("chunk");
    point.params.scheme = json.at("scheme").at("name");
    point.params.options = json.at("scheme").at("options");
    point.scaling = reduction::Scaling::parse(json.at("tau"), "tau");
    point.eta = json.at("eta");
    point.max_tau = json.at("max_tau");
    if (!json.at("rate").is_null()) {
      point.rate = json.at("rate").get<double>();
      point.params.budget_bits = budget_bits(*point.rate, point.instance);
    }
    point.queries = json.at("queries");
    point.mixture_queries = json.at("mixture_queries");
    point.random_queries = json.at("random_queries");
    point.seed = json.value("seed", std::uint64_t{0});
    return point;
  }

  // floor(rate N d), with room for the rounding of the product.
  static std::uint64_t budget_bits(double rate, const reduction::InstanceParams& instance) {
    return static_cast<std::uint64_t>(
        std::floor(rate * static_cast<double>(instance.tokens()) * static_cast<double>(instance.d) + 1e-6));
  }
};

// An entry {"name": ..., options...} or just a name.
Json entry_of(const Json& value, const std::string& path, const std::string& what) {
  if (value.is_string()) return {{"name", value}};
  if (!value.is_object() || !value.contains("name") || !value["name"].is_string()) {
    throw ConfigError(path, core::describe(value), "the name of " + what + " or an object with its name and options");
  }
  return value;
}

geometry::Schedule schedule_of(const sweep::Combination& combination) {
  const Json& value = combination.value("schedule");
  const std::string path = combination.path("schedule");
  const Json& n = combination.value("n");
  geometry::Schedule schedule;
  if (value.is_string()) {
    const auto known = geometry::Schedule::names();
    if (std::find(known.begin(), known.end(), value.get<std::string>()) == known.end())
      geometry::Schedule::named(value.get<std::string>(), 0, path);  // throws
    const int side = geometry::Schedule::fixed_side(value.get<std::string>());
    if (side == 0 && n.is_null())
      throw ConfigError(combination.path("n"), "nothing",
                        "the side of the last map, which schedule \"" + value.get<std::string>() + "\" leaves free");
    schedule = geometry::Schedule::named(value.get<std::string>(), side == 0 ? n.get<int>() : 0,
                                         side == 0 && combination.given("n") ? combination.path("n") : path);
  } else if (value.is_object()) {
    core::require_known_keys(value, path, {"sides"});
    const auto sides = value.find("sides");
    const bool integers = sides != value.end() && sides->is_array() &&
                          std::all_of(sides->begin(), sides->end(),
                                      [](const Json& x) { return x.is_number_integer() && x > 0 && x < 100000; });
    if (!integers)
      throw ConfigError(join_path(path, "sides"), sides == value.end() ? "nothing" : core::describe(*sides),
                        "a list of increasing sides such as [1, 2, 5]");
    schedule = geometry::Schedule("sides", sides->get<std::vector<int>>(), join_path(path, "sides"));
  } else {
    throw ConfigError(path, core::describe(value), "the name of a schedule, or {\"sides\": [1, 2, 5]}");
  }
  if (!n.is_null() && n.get<int>() != schedule.n()) {
    throw ConfigError(combination.path("n"), n.dump(),
                      std::to_string(schedule.n()) + ", which this schedule fixes; or leave n out");
  }
  return schedule;
}

// |answers - exact| / |exact|; null where the exact outputs are all 0 and the answers are not.
Json ratio(core::RowsViewD answers, core::RowsViewD exact) {
  const double value = simulator::relative_l2(answers, exact);
  return std::isfinite(value) ? Json(value) : Json();
}

class IndexFrontier : public sweep::Experiment {
 public:
  std::string name() const override { return "index_frontier"; }
  std::string statement() const override {
    return "any scheme whose message has B bits answers INDEX queries with mean bit error p only if B >= (1 - H2(p)) N "
           "d";
  }
  std::string source() const override {
    return "Omega(n^2 d) theorem, Thm 4.5 (exact) and 4.6 (approximate) of arXiv 2503.14881; Fano and shell filling";
  }

  int version() const override { return 2; }  // 2: rows within eta of the exact outputs are counted

  const core::OptionTable& options() const override {
    using core::Option;
    static const core::OptionTable table{
        Option::structured("instance", "index",
                           "the name of an instance family, or an object with its name and options", "instance family"),
        Option::integer("n", {}, 1, 16384, "side of the last token map; schedules that fix it may leave it out"),
        Option::integer("d", {}, 1, 65536, "width of keys and of values"),
        Option::choice("embedding", "sphere", {}, "family of public keys"),
        Option::real("eta", 0.5, 0, 0.999999, "multiplicative tolerance of the attention outputs"),
        Option::structured("schedule", "doubling",
                           "doubling, var256, var512, infinity, one_step, or {\"sides\": [1, 2, 5]}",
                           "sides of the token maps"),
        Option::structured("tau", "certified", "certified, typical, union, or a number of at least 0", "query scaling"),
        Option::real("max_tau", 500.0, 0, 1e6, "a trial that would need a larger scaling is uncertified"),
        Option::real("rate", {}, 0, 1e6,
                     "budget in bits per value entry (message bits / N d), for entries without a size option"),
        Option::structured("scheme", {}, "the name of a scheme, or an object with its name and options",
                           "compression scheme"),
        Option::integer("queries", 256, 1, 1'000'000, "rows that Bob asks for in a trial, drawn with replacement"),
        Option::integer("mixture_queries", 16, 0, 1'000'000,
                        "extra queries at midpoints of two keys, for output error only"),
        Option::integer("random_queries", 16, 0, 1'000'000,
                        "extra queries in random directions, for output error only"),
        Option::integer("chunk", 64, 1, 1'000'000, "largest block of tokens handed to the encoder")};
    return table;
  }

  Json resolve(const sweep::Combination& combination) const override {
    Json parameters;
    const Json family_entry =
        entry_of(combination.value("instance"), combination.path("instance"), "an instance family");
    const std::string family_path = combination.path("instance");
    const auto& family = reduction::InstanceFamilies::find(family_entry["name"], join_path(family_path, "name"));
    parameters["instance"] = {{"name", family.name()},
                              {"options", family.options().resolve(family_entry, family_path)}};

    const geometry::Schedule schedule = schedule_of(combination);
    parameters["schedule"] = schedule.name();
    parameters["sides"] = schedule.sides();
    parameters["n"] = schedule.n();
    parameters["tokens"] = schedule.tokens();
    if (combination.value("d").is_null())
      throw ConfigError(combination.path("d"), "nothing", "the width of keys and values");
    const Index d = combination.value("d");
    parameters["d"] = d;

    const std::string embedding_name = combination.value("embedding");
    const auto& embedding = geometry::Embeddings::find(embedding_name, combination.path("embedding"));
    if (const std::string why = embedding.why_impossible(schedule.tokens(), d); !why.empty()) {
      throw ConfigError(
          combination.path("embedding"),
          '"' + embedding_name + "\" with " + std::to_string(schedule.tokens()) + " tokens at d = " + std::to_string(d),
          why);
    }
    parameters["embedding"] = embedding_name;
    for (const char* name : {"eta", "max_tau", "queries", "mixture_queries", "random_queries", "chunk"})
      parameters[name] = combination.value(name);
    parameters["rate"] = Json();

    const reduction::Scaling scaling = reduction::Scaling::parse(combination.value("tau"), combination.path("tau"));
    parameters["tau"] = scaling.to_json();
    parameters["scheme"] = scheme_of(combination, parameters);

    const GamePoint point = GamePoint::of(parameters);
    family.check(point.instance, family_path);
    if (!(reduction::make_instance(point.instance, {})->leak_threshold(point.eta) > 0)) {
      throw ConfigError(
          combination.path("eta"), parameters["eta"].dump(),
          "a smaller tolerance: at this one the values of instance family \"" + family.name() + "\" decode at no leak");
    }
    if (scaling.kind == reduction::Scaling::Kind::certified) {
      if (schedule.tokens() > reduction::largest_certified) {
        throw ConfigError(combination.path("tau"), "\"certified\" for " + std::to_string(schedule.tokens()) + " tokens",
                          "typical, union or a number above " + std::to_string(reduction::largest_certified) +
                              " tokens, where all pairs would take too long");
      }
    } else {
      if (scaling.kind != reduction::Scaling::Kind::fixed && !family.keys_are_public()) {
        throw ConfigError(
            combination.path("tau"), scaling.to_json().dump() + " for instance family \"" + family.name() + '"',
            "certified or a number: the closed forms are those of the embedding, and its keys are others");
      }
      reduction::closed_form_tau(scaling, point.instance, point.eta, point.max_tau, combination.path("tau"));
    }
    return parameters;
  }

  double operations(const Json& parameters) const override {
    const GamePoint point = GamePoint::of(parameters);
    if (is_infeasible(point)) return 1;
    const double tokens = static_cast<double>(point.instance.tokens()), d = static_cast<double>(point.instance.d);
    const double all_queries = static_cast<double>(point.queries + point.mixture_queries + point.random_queries);
    const double certificate = point.scaling.kind == reduction::Scaling::Kind::certified ? tokens * tokens * d / 8 : 0;
    return certificate + tokens * d * (4 * all_queries + 200) + point.scheme().operations(point.params, point.queries) +
           1e6;
  }

  double memory_bytes(const Json& parameters) const override {
    const GamePoint point = GamePoint::of(parameters);
    const double tokens = static_cast<double>(point.instance.tokens()), d = static_cast<double>(point.instance.d);
    const bool certified = point.scaling.kind == reduction::Scaling::Kind::certified;
    if (is_infeasible(point)) return 0;
    const double message = static_cast<double>(point.scheme().message_bits(point.params).value_or(0)) / 8;
    const double held = static_cast<double>(point.scheme().held_rows(point.params)) * d * sizeof(float);
    const double queries =
        static_cast<double>(point.queries + point.mixture_queries + point.random_queries) * d * sizeof(double);
    // The message lives in Alice's encoder, in her writer (twice while it grows), on the way and with Bob; rows of keys
    // and values with both; the queries and the answers on both sides.
    return 5 * message + 4 * held + 2 * point.scheme().workspace_bytes(point.params) + 8 * queries +
           (certified ? tokens * (d + 8) * sizeof(float) : 0) + 4e6;
  }

  sweep::TrialResult measure(const Json& parameters, std::uint64_t trial,
                             const sweep::TrialContext& context) const override {
    GamePoint point = GamePoint::of(parameters);
    if (is_infeasible(point)) {
      const schemes::Fit fit = point.scheme().fit(point.params, *point.params.budget_bits);
      if (!fit.failure.empty()) throw simulator::GameError(fit.failure);
      const std::uint64_t least = fit.least_bits;
      const double entries = static_cast<double>(point.instance.tokens()) * static_cast<double>(point.instance.d);
      return {"infeasible", {{"least_bits", least}, {"least_rate", static_cast<double>(least) / entries}}};
    }
    const auto coins = reduction::Coins::derive(point.seed, point.instance, trial);
    const auto instance = reduction::make_instance(point.instance, coins);
    Json data{{"information_bits", instance->information_bits()}};

    std::optional<double> tau;
    if (point.scaling.kind == reduction::Scaling::Kind::certified) {
      const reduction::Certificate certificate = certificates_.get(*instance);
      tau = reduction::certified_tau(certificate, *instance, point.eta, point.max_tau);
      data["certified_gap"] = std::isfinite(certificate.gap) ? Json(certificate.gap) : Json();
      if (!tau) return {"uncertified", data};
    } else {
      tau = reduction::closed_form_tau(point.scaling, point.instance, point.eta, point.max_tau, "tau");
    }
    data["tau"] = *tau;
    point.params.tau = *tau;
    point.params.key = coins.open;

    const simulator::Message message = simulator::encode(point.params, *instance);
    data["message_bits"] = message.bits.size;
    data["peak_state_bits"] = message.peak_state_bits;
    data["ledger"] = Json::object();
    for (const auto& [section, bits] : message.ledger) data["ledger"][section] = bits;

    // One game: rows asked for, midpoints and random directions go to the same Bob.
    const std::vector<Index> rows = instance->queried_rows(point.queries);
    core::RowMatrixD queries(point.queries + point.mixture_queries + point.random_queries, point.instance.d);
    core::RowMatrixD values(point.queries, point.instance.d);
    core::RowMatrixF row(1, point.instance.d);
    for (Index i = 0; i < point.queries; ++i) {
      instance->keys(rows[static_cast<std::size_t>(i)], row);
      queries.row(i) = *tau * row.cast<double>();
      instance->values(rows[static_cast<std::size_t>(i)], row);
      values.row(i) = row.cast<double>();
    }
    queries.middleRows(point.queries, point.mixture_queries) = instance->mixture_queries(point.mixture_queries, *tau);
    queries.bottomRows(point.random_queries) = instance->random_queries(point.random_queries, *tau);

    const core::RowMatrixD answers = simulator::ask_bob(point.params, message.bits, queries, context.bob);
    if (context.on_game) context.on_game({point.params, message.bits, queries, answers});
    const ExactOutputsCache::Outputs outputs =
        exact_outputs_.get(*instance, *tau, {point.queries, point.mixture_queries, point.random_queries}, queries);
    const core::RowMatrixD& exact = *outputs;
    data.update(simulator::decode(answers.topRows(point.queries), values, rows, point.instance.schedule, point.eta,
                                  instance->value_bits())
                    .to_json(point.queries));
    if (instance->value_bits() > 0) {
      const auto within = simulator::within_eta(answers.topRows(point.queries), values, exact.topRows(point.queries),
                                                point.eta, instance->value_bits());
      data["rows_within_eta"] = within.rows;
      data["rows_within_eta_wrong"] = within.wrong;
    }
    data["relative_l2"] = ratio(answers.topRows(point.queries), exact.topRows(point.queries));
    data["mixture_relative_l2"] = ratio(answers.middleRows(point.queries, point.mixture_queries),
                                        exact.middleRows(point.queries, point.mixture_queries));
    data["random_relative_l2"] =
        ratio(answers.bottomRows(point.random_queries), exact.bottomRows(point.random_queries));
    return {"ok", data};
  }

  std::optional<core::Interval> interval(std::span<const sweep::Row> rows, double level) const override {
    std::vector<core::TrialErrors> trials;
    std::vector<double> squared_errors;  // of families without bits
    for (const sweep::Row& row : rows) {
      if (row.result.status != "ok") continue;
      if (row.result.data.at("error").is_null()) {
        squared_errors.push_back(row.result.data.at("mse").get<double>());
        continue;
      }
      trials.push_back(
          {row.result.data.at("row_errors").get<double>(), row.result.data.at("queried_rows").get<std::int64_t>()});
    }
    if (squared_errors.size() >= 2) return core::student_interval(squared_errors, level);
    if (trials.empty()) return std::nullopt;
    return core::error_interval(trials, level);
  }

 private:
  // A budgeted entry whose size options stayed open: the budget is below the least message.
  static bool is_infeasible(const GamePoint& point) {
    return point.rate && point.scheme().options().size_is_open(point.params.options);
  }

  // The scheme entry with its options resolved, and `rate` of `parameters` for a budgeted one.
  static Json scheme_of(const sweep::Combination& combination, Json& parameters) {
    const std::string path = combination.path("scheme");
    if (combination.value("scheme").is_null()) throw ConfigError(path, "nothing", "at least one scheme");
    const Json entry = entry_of(combination.value("scheme"), path, "a scheme");
    const auto& scheme = schemes::Schemes::find(
        entry["name"], entry.size() > 1 || combination.value("scheme").is_object() ? join_path(path, "name") : path);
    Json options = scheme.options().resolve(entry, path);
    const auto described = [&](const Json& resolved) {
      return Json{{"name", scheme.name()}, {"options", resolved}, {"version", scheme.version()}};
    };

    Json probe = parameters;
    const bool open = scheme.options().has_size() && !scheme.options().gives_size(entry);
    const bool budgeted = open && !(scheme.has_own_size() && combination.value("rate").is_null());
    if (budgeted) {
      if (combination.value("rate").is_null()) {
        throw ConfigError(path, '"' + scheme.name() + "\" without a size option and without a rate",
                          "an axis `rate`, or one of the size options " + size_names(scheme));
      }
      parameters["rate"] = probe["rate"] = combination.value("rate");
    } else if (!open) {
      require_whole_size(scheme, options, path);
    }
    probe["scheme"] = described(options);
    GamePoint point = GamePoint::of(probe);
    options = point.params.options = scheme.settled(point.params, path);
    if (budgeted) {
      if (const schemes::Fit fit = scheme.fit(point.params, *point.params.budget_bits); fit.options)
        options = *fit.options;
    }
    point.params.options = options;
    scheme.check(point.params, path);
    return described(options);
  }

  static std::string size_names(const schemes::Scheme& scheme) {
    std::string names;
    for (const auto& option : scheme.options().options()) {
      if (option.size) names += (names.empty() ? "" : ", ") + option.name;
    }
    return names;
  }

  // An entry of fixed size gives all its size options.
  static void require_whole_size(const schemes::Scheme& scheme, const Json& options, const std::string& path) {
    for (const auto& option : scheme.options().options()) {
      if (option.size && options.at(option.name).is_null()) {
        throw ConfigError(join_path(path, option.name), "nothing",
                          "a value, because another size option is given (" + size_names(scheme) + " go together)");
      }
    }
  }

  mutable CertificateCache certificates_;
  mutable ExactOutputsCache exact_outputs_;
};

const core::Registration<sweep::Experiment, IndexFrontier> registration;

}  // namespace
}  // namespace kvfrontier::experiments::index_frontier
