#include "simulator/game_point.hpp"

#include <algorithm>
#include <cmath>
#include <string>

#include "core/errors.hpp"

namespace kvfrontier::simulator {
namespace {

using core::ConfigError;
using core::join_path;
using core::Json;

core::Option options_option(const char* meaning) {
  core::Option option;
  option.name = "options";
  option.type = core::Option::Type::structured;
  option.allowed = "an object";
  option.meaning = meaning;
  option.required = true;
  return option;
}

// The member `options` of a choice, read by the table that its name says. What that table does not know is kept as text.
template <class Choice>
core::Member<Choice> options_member(const char* meaning, const core::OptionTable* (*table_of)(const Choice&)) {
  return {options_option(meaning), [](const Choice& choice) { return choice.options.to_json(); },
          [table_of](Choice& choice, const Json& json, const std::string& path) {
            if (!json.is_object()) throw ConfigError(path, core::describe(json), "an object");
            const core::OptionTable* table = table_of(choice);
            try {
              choice.options = table ? table->resolve(json, path) : core::Options::unknown(json);
            } catch (const ConfigError&) {
              choice.options = core::Options::unknown(json);
            }
          }};
}

// Sides that are those of token maps.
core::Member<GamePoint> sides_member() {
  return core::member("sides", &GamePoint::sides, "sides of the token maps, the last one included")
      .checked([](const GamePoint& point, const std::string& path) {
        geometry::Schedule(point.schedule, point.sides, path);
      })
      .needed();
}

// The name of an entry {"name": ..., options...} and the entry as an object.
struct NamedEntry {
  std::string name;
  Json entry;
  std::string path, name_path;  // where it is, and where its name is
};
NamedEntry named_entry(const core::JsonText& text, const std::string& path, const std::string& what) {
  const Json value = text.parsed();
  if (value.is_string()) return {value, Json::object(), path, path};
  const auto name = value.is_object() ? value.find("name") : value.end();
  if (!value.is_object() || name == value.end() || !name->is_string())
    throw ConfigError(path, core::describe(value), "the name of " + what + " or an object with its name and options");
  return {*name, value, path, join_path(path, "name")};
}

geometry::Schedule named_schedule(const std::string& name, const GameRequest& request, const RequestPaths& paths) {
  const auto known = geometry::Schedule::names();
  if (std::find(known.begin(), known.end(), name) == known.end())
    geometry::Schedule::named(name, 0, paths.path("schedule"));  // throws
  const int side = geometry::Schedule::fixed_side(name);
  if (side > 0) return geometry::Schedule::named(name, 0, paths.path("schedule"));
  if (!request.n)
    throw ConfigError(paths.path("n"), "nothing",
                      "the side of the last map, which schedule \"" + name + "\" leaves free");
  return geometry::Schedule::named(name, *request.n, paths.path(paths.given("n") ? "n" : "schedule"));
}

geometry::Schedule given_sides(const Json& value, const std::string& path) {
  core::require_known_keys(value, path, {"sides"});
  const std::string sides_path = join_path(path, "sides");
  const Json sides = value.empty() ? Json() : *value.begin();
  const bool integers = sides.is_array() && std::all_of(sides.begin(), sides.end(), [](const Json& x) {
                          return x.is_number_integer() && x > 0 && x < 100000;
                        });
  if (!integers)
    throw ConfigError(sides_path, value.empty() ? "nothing" : core::describe(sides),
                      "a list of increasing sides such as [1, 2, 5]");
  return {"sides", sides.get<std::vector<int>>(), sides_path};
}

geometry::Schedule schedule_of(const GameRequest& request, const RequestPaths& paths) {
  const Json value = request.schedule.parsed();
  const std::string path = paths.path("schedule");
  if (!value.is_string() && !value.is_object())
    throw ConfigError(path, core::describe(value), "the name of a schedule, or {\"sides\": [1, 2, 5]}");
  const geometry::Schedule schedule =
      value.is_string() ? named_schedule(value, request, paths) : given_sides(value, path);
  if (request.n && *request.n != schedule.n())
    throw ConfigError(paths.path("n"), std::to_string(*request.n),
                      std::to_string(schedule.n()) + ", which this schedule fixes; or leave n out");
  return schedule;
}

// Resolves the scheme's entry for the rest of the point, and fits its options to the budget.
void choose_scheme(GamePoint& point, const GameRequest& request, const RequestPaths& paths) {
  const std::string path = paths.path("scheme");
  if (request.scheme.parsed().is_null()) throw ConfigError(path, "nothing", "at least one scheme");
  const NamedEntry named = named_entry(request.scheme, path, "a scheme");
  const auto& scheme = schemes::Schemes::find(named.name, named.name_path);
  const core::OptionTable& table = scheme.options();
  point.scheme = {scheme.name(), table.resolve(named.entry, path), scheme.version()};

  const schemes::OutsidePrograms* outside = scheme.outside();
  const bool open = table.has_size() && !table.gives_size(named.entry);
  const bool budgeted = open && !(outside != nullptr && !request.rate);
  if (budgeted) {
    if (!request.rate)
      throw ConfigError(path, '"' + scheme.name() + "\" without a size option and without a rate",
                        "an axis `rate`, or one of the size options " + table.size_names());
    point.rate = request.rate;
  } else if (const core::Option* missing = table.open_size(point.scheme.options); missing != nullptr && !open) {
    throw ConfigError(join_path(path, missing->name), "nothing",
                      "a value, because another size option is given (" + table.size_names() + " go together)");
  }
  if (outside != nullptr) point.scheme.options = outside->settled(point.public_params(), path);
  if (budgeted) {
    const schemes::Fit fit = scheme.fit(point.public_params(), *point.budget_bits());
    if (fit.options) point.scheme.options = *fit.options;
  }
  scheme.check(point.public_params(), path);
}

void check_scaling(const GamePoint& point, const reduction::InstanceFamily& family, const std::string& path) {
  using Kind = reduction::Scaling::Kind;
  if (point.tau.kind == Kind::certified) {
    if (point.tokens > reduction::largest_certified)
      throw ConfigError(path, "\"certified\" for " + std::to_string(point.tokens) + " tokens",
                        "typical, union or a number above " + std::to_string(reduction::largest_certified) +
                            " tokens, where all pairs would take too long");
    return;
  }
  if (point.tau.kind != Kind::fixed && !family.keys_are_public())
    throw ConfigError(path, point.tau.to_json().dump() + " for instance family \"" + family.name() + '"',
                      "certified or a number: the closed forms are those of the embedding, and its keys are others");
  reduction::closed_form_tau(point.tau, point.instance_params(), point.eta, point.max_tau, path);
}

}  // namespace

core::MemberList<InstanceChoice> InstanceChoice::members() {
  return {core::member("name", &InstanceChoice::name, "instance family").needed(),
          options_member<InstanceChoice>("resolved options of the family",
                                         [](const InstanceChoice& choice) -> const core::OptionTable* {
                                           const auto* family = reduction::InstanceFamilies::find_or_null(choice.name);
                                           return family ? &family->options() : nullptr;
                                         })};
}

core::MemberList<SchemeChoice> SchemeChoice::members() {
  return {core::member("name", &SchemeChoice::name, "compression scheme").needed(),
          core::member("version", &SchemeChoice::version,
                       "of the scheme: the same options give the same message as long as it is the same")
              .range(0, 9e15)
              .needed(),
          options_member<SchemeChoice>("resolved options of the scheme",
                                       [](const SchemeChoice& choice) -> const core::OptionTable* {
                                         const auto* scheme = choice.known();
                                         return scheme ? &scheme->options() : nullptr;
                                       })};
}

void require_known_options(const GamePoint& point, const std::string& path) {
  const auto require = [](const core::OptionTable& table, const core::Options& options, const std::string& place) {
    if (options.is_unknown()) table.resolve(options.to_json(), join_path(place, "options"));
  };
  const std::string family_path = join_path(path, core::member_name(&GamePoint::instance)),
                    scheme_path = join_path(path, core::member_name(&GamePoint::scheme));
  const auto& family = reduction::InstanceFamilies::find(point.instance.name, join_path(family_path, "name"));
  require(family.options(), point.instance.options, family_path);
  const auto& scheme = schemes::Schemes::find(point.scheme.name, join_path(scheme_path, "name"));
  require(scheme.options(), point.scheme.options, scheme_path);
  if (scheme.version() != point.scheme.version)
    throw ConfigError(join_path(scheme_path, "version"), std::to_string(point.scheme.version),
                      std::to_string(scheme.version()) + ", which this program has");
}

const schemes::Scheme* SchemeChoice::known() const {
  const auto* scheme = schemes::Schemes::find_or_null(name);
  return scheme && scheme->version() == version ? scheme : nullptr;
}

core::MemberList<GamePoint> GamePoint::members() {
  using core::member;
  constexpr double largest = 9e15;
  return {
      member("instance", &GamePoint::instance, "instance family and its options").needed(),
      member("schedule", &GamePoint::schedule, "name of the schedule").needed(),
      sides_member(),
      member("n", &GamePoint::n, "side of the last token map").range(1, largest).needed(),
      member("tokens", &GamePoint::tokens, "N, tokens cached before the last map").range(1, largest).needed(),
      member("d", &GamePoint::d, "width of keys and of values").range(1, 65536).needed(),
      member("embedding", &GamePoint::embedding, "family of public keys").needed(),
      member("eta", &GamePoint::eta, "multiplicative tolerance of the attention outputs").range(0, 0.999999).needed(),
      member("max_tau", &GamePoint::max_tau, "a trial that would need a larger scaling is uncertified")
          .range(0, 1e6)
          .needed(),
      member("queries", &GamePoint::queries, "rows that Bob asks for in a trial").range(1, largest).needed(),
      member("mixture_queries", &GamePoint::mixture_queries, "extra queries at midpoints of two keys")
          .range(0, largest)
          .needed(),
      member("random_queries", &GamePoint::random_queries, "extra queries in random directions")
          .range(0, largest)
          .needed(),
      member("chunk", &GamePoint::chunk, "largest block of tokens handed to the encoder").range(1, largest).needed(),
      member("rate", &GamePoint::rate, "budget in bits per value entry; null for an entry of fixed size")
          .range(0, 1e6)
          .needed(),
      member("tau", &GamePoint::tau, "query scaling: certified, typical, union or a number").needed(),
      member("scheme", &GamePoint::scheme, "scheme, its options and its version").needed(),
      member("seed", &GamePoint::seed, "config seed")};
}

void GamePoint::set_schedule(const geometry::Schedule& maps) {
  schedule = maps.name();
  sides = maps.sides();
  n = maps.n();
  tokens = maps.tokens();
}

std::optional<Bits> GamePoint::budget_bits() const {
  if (!rate) return std::nullopt;
  return static_cast<Bits>(std::floor(*rate * tokens * d + 1e-6));
}

reduction::InstanceParams GamePoint::instance_params() const {
  reduction::InstanceParams params;
  params.family = instance.name;
  params.options = instance.options;
  params.schedule = maps();
  params.d = d;
  params.embedding = embedding;
  return params;
}

schemes::PublicParams GamePoint::public_params() const {
  const reduction::InstanceParams instance_parameters = instance_params();
  const auto& family = reduction::InstanceFamilies::find(instance.name, "instance.name");
  schemes::PublicParams params;
  params.schedule = instance_parameters.schedule;
  params.d = d;
  params.embedding = embedding;
  params.keys_are_public = family.keys_are_public();
  params.projection = family.projection(instance_parameters);
  params.chunk = chunk;
  params.scheme = scheme.name;
  params.options = scheme.options;
  params.budget_bits = budget_bits();
  return params;
}

bool GamePoint::is_infeasible() const {
  return rate && schemes::Schemes::find(scheme.name, "scheme.name").options().size_is_open(scheme.options);
}

core::MemberList<GameRequest> GameRequest::members() {
  using core::member;
  return {
      member("instance", &GameRequest::instance, "instance family")
          .allowed("the name of an instance family, or an object with its name and options"),
      member("n", &GameRequest::n, "side of the last token map; schedules that fix it may leave it out")
          .range(1, 16384),
      member("d", &GameRequest::d, "width of keys and of values").range(1, 65536),
      member("embedding", &GameRequest::embedding, "family of public keys"),
      member("eta", &GameRequest::eta, "multiplicative tolerance of the attention outputs").range(0, 0.999999),
      member("schedule", &GameRequest::schedule, "sides of the token maps")
          .allowed("doubling, var256, var512, infinity, one_step, or {\"sides\": [1, 2, 5]}"),
      member("tau", &GameRequest::tau, "query scaling"),
      member("max_tau", &GameRequest::max_tau, "a trial that would need a larger scaling is uncertified").range(0, 1e6),
      member("rate", &GameRequest::rate,
             "budget in bits per value entry (message bits / N d), for entries without a size option")
          .range(0, 1e6),
      member("scheme", &GameRequest::scheme, "compression scheme")
          .allowed("the name of a scheme, or an object with its name and options"),
      member("queries", &GameRequest::queries, "rows that Bob asks for in a trial, drawn with replacement")
          .range(1, 1e6),
      member("mixture_queries", &GameRequest::mixture_queries,
             "extra queries at midpoints of two keys, for output error only")
          .range(0, 1e6),
      member("random_queries", &GameRequest::random_queries,
             "extra queries in random directions, for output error only")
          .range(0, 1e6),
      member("chunk", &GameRequest::chunk, "largest block of tokens handed to the encoder").range(1, 1e6)};
}

GamePoint resolve(const GameRequest& request, const RequestPaths& paths) {
  GamePoint point;
  const std::string family_path = paths.path("instance");
  const NamedEntry named = named_entry(request.instance, family_path, "an instance family");
  const auto& family = reduction::InstanceFamilies::find(named.name, join_path(family_path, "name"));
  point.instance = {family.name(), family.options().resolve(named.entry, family_path)};

  point.set_schedule(schedule_of(request, paths));
  if (!request.d) throw ConfigError(paths.path("d"), "nothing", "the width of keys and values");
  point.d = *request.d;
  const auto& embedding = geometry::Embeddings::find(request.embedding, paths.path("embedding"));
  if (const std::string why = embedding.why_impossible(point.tokens, point.d); !why.empty())
    throw ConfigError(paths.path("embedding"),
                      '"' + request.embedding + "\" with " + std::to_string(point.tokens) +
                          " tokens at d = " + std::to_string(point.d),
                      why);
  point.embedding = request.embedding;
  point.eta = request.eta;
  point.max_tau = request.max_tau;
  point.queries = request.queries;
  point.mixture_queries = request.mixture_queries;
  point.random_queries = request.random_queries;
  point.chunk = request.chunk;
  point.tau = request.tau;
  choose_scheme(point, request, paths);

  const reduction::InstanceParams params = point.instance_params();
  family.check(params, family_path);
  if (!(reduction::make_instance(params, {})->leak_threshold(point.eta) > 0))
    throw ConfigError(
        paths.path("eta"), Json(point.eta).dump(),
        "a smaller tolerance: at this one the values of instance family \"" + family.name() + "\" decode at no leak");
  check_scaling(point, family, paths.path("tau"));
  return point;
}

double game_operations(const GamePoint& point) {
  if (point.is_infeasible()) return 1;
  const double tokens = point.tokens, d = point.d;
  const bool certified = point.tau.kind == reduction::Scaling::Kind::certified;
  const double certificate = certified ? tokens * tokens * d / 8 : 0;
  const auto& scheme = schemes::Schemes::find(point.scheme.name, "scheme.name");
  // A game starts a process and crosses to it and back, which takes some milliseconds whatever is played.
  constexpr double start = 5e7;
  return certificate + tokens * d * (4.0 * point.all_queries() + 200) +
         scheme.operations(point.public_params(), point.queries) + start;
}

double game_memory_bytes(const GamePoint& point) {
  if (point.is_infeasible()) return 0;
  const double tokens = point.tokens, d = point.d;
  const bool certified = point.tau.kind == reduction::Scaling::Kind::certified;
  const auto& scheme = schemes::Schemes::find(point.scheme.name, "scheme.name");
  const schemes::PublicParams params = point.public_params();
  const double message = scheme.message_bits(params).value_or(0) / 8.0;
  const double held = scheme.held_rows(params) * d * sizeof(float);
  const double queries = point.all_queries() * d * sizeof(double);
  // The message lives in Alice's encoder, in her writer (twice while it grows), on the way and with Bob; rows of keys
  // and values with both; the queries and the answers on both sides.
  return 5 * message + 4 * held + 2 * scheme.workspace_bytes(params) + 8 * queries +
         (certified ? tokens * (d + 8) * sizeof(float) : 0) + 4e6;
}

}  // namespace kvfrontier::simulator
