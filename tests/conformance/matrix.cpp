#include "matrix.hpp"

#include <algorithm>
#include <sstream>
#include <stdexcept>

#include "../support/catch.hpp"
#include "core/errors.hpp"

namespace kvfrontier::tests {

using core::RowMatrixD;
using core::RowMatrixF;

namespace {

// Values that the matrix gives to an option, its default first. A size option is the budget's; a structured option or a
// free text has its default only.
std::vector<Json> values_of(const core::Option& option) {
  std::vector<Json> list{option.default_value};
  const auto add = [&](const Json& value) {
    if (std::find(list.begin(), list.end(), value) == list.end()) list.push_back(value);
  };
  if (option.size) return list;
  switch (option.type) {
    case core::Option::Type::text:
      for (const std::string& choice : option.choices) add(choice);
      break;
    case core::Option::Type::boolean:
      add(false);
      add(true);
      break;
    case core::Option::Type::integer:
      for (const double step : {0.0, 1.0, 3.0}) {
        if (option.least + step <= option.most) add(static_cast<std::int64_t>(option.least + step));
      }
      break;
    case core::Option::Type::real:
      for (const double end : {option.least, option.most}) {
        if (end > -1e100 && end < 1e100) add(end);
      }
      break;
    case core::Option::Type::structured:
      break;
  }
  return list;
}

std::vector<geometry::Schedule> small_schedules() {
  return {geometry::Schedule::named("one_step", 3), sides({2, 3}), geometry::Schedule::named("doubling", 4),
          geometry::Schedule::named("doubling", 8)};  // N = 1, 4, 5, 21
}

}  // namespace

#ifdef KVFRONTIER_CONFORMANCE_SCHEMES
std::vector<const schemes::Scheme*> conforming_schemes() {
  std::vector<const schemes::Scheme*> list;
  std::istringstream names(KVFRONTIER_CONFORMANCE_SCHEMES);
  for (std::string name; std::getline(names, name, ',');)
    list.push_back(&schemes::Schemes::find(name, "kvfrontier_add_conformance"));
  return list;
}
#else
std::vector<const schemes::Scheme*> conforming_schemes() {
  std::vector<const schemes::Scheme*> list;
  for (const std::string& name : schemes::self_contained_schemes()) {
    if (name.rfind("cheat_", 0) != 0) list.push_back(schemes::Schemes::find_or_null(name));
  }
  return list;
}
#endif

std::vector<const schemes::Scheme*> conforming_schemes(int part) {
  const auto all = conforming_schemes();
  std::vector<const schemes::Scheme*> list;
  for (std::size_t i = part; i < all.size(); i += parts) list.push_back(all[i]);
  return list;
}

bool is_number(const core::Option& option) {
  return option.type == core::Option::Type::integer || option.type == core::Option::Type::real;
}

std::vector<Json> combinations(const Json& base, const std::vector<const core::Option*>& options) {
  std::size_t count = 1;
  for (const auto* option : options) count *= values_of(*option).size();
  std::vector<Json> list{base};
  if (count <= 64) {
    for (const auto* option : options) {
      std::vector<Json> longer;
      for (const Json& partial : list) {
        for (const Json& value : values_of(*option)) {
          longer.push_back(partial);
          longer.back()[option->name] = value;
        }
      }
      list = longer;
    }
    return list;
  }
  Json last = base;
  for (const auto* option : options) {
    for (const Json& value : values_of(*option)) {
      list.push_back(base);
      list.back()[option->name] = value;
    }
    last[option->name] = values_of(*option).back();
  }
  list.push_back(last);
  return list;
}

std::vector<Json> presets(const core::OptionTable& table) {
  std::vector<const core::Option*> choices, numbers;
  for (const core::Option& option : table.options()) (is_number(option) ? numbers : choices).push_back(&option);
  std::vector<Json> list = combinations(table.resolve(Json::object(), "").to_json(), choices);
  const Json first = list.front(), last = list.back();
  for (const Json& base : {first, last}) {
    for (const Json& preset : combinations(base, numbers)) {
      if (std::find(list.begin(), list.end(), preset) == list.end()) list.push_back(preset);
    }
  }
  return list;
}

std::string Game::text() const {
  return scheme->name() + " " + params.options.to_json().dump() + ", " + instance->params().family +
         ", N = " + std::to_string(params.tokens()) + ", d = " + std::to_string(params.d) + ", " + params.embedding +
         " keys, size " + size;
}

std::vector<std::unique_ptr<reduction::Instance>> small_instances() {
  std::vector<std::unique_ptr<reduction::Instance>> list;
  for (const std::string& family : reduction::InstanceFamilies::names()) {
    // What depends on the width alone shows with INDEX.
    const std::vector<Index> widths =
        family == "index" ? std::vector<Index>{1, 2, 7, 16, 33} : std::vector<Index>{1, 7, 16};
    for (const auto& schedule : small_schedules()) {
      for (const Index d : widths) {
        auto params = instance_params(schedule, d);
        params.family = family;
        params.options =
            reduction::InstanceFamilies::find(family, "instance").options().resolve(Json::object(), "instance");
        list.push_back(index_instance(params, 0));
      }
    }
    // The other families of public keys, each once, below the family that differs from the others in keys alone.
    if (family != "index") continue;
    for (const std::string& embedding : geometry::Embeddings::names()) {
      auto params = instance_params(geometry::Schedule::named("doubling", 8), 16, embedding);
      while (!params.keys().why_impossible(params.tokens(), params.d).empty()) ++params.d;
      params.family = family;
      params.options =
          reduction::InstanceFamilies::find(family, "instance").options().resolve(Json::object(), "instance");
      list.push_back(index_instance(params, 0));
    }
  }
  return list;
}

schemes::PublicParams conformance_params(const schemes::Scheme& scheme, const reduction::Instance& instance,
                                         const Json& options, double tau) {
  schemes::PublicParams params = params_of(instance, scheme.name(), options, tau);
  const auto& family = reduction::InstanceFamilies::find(instance.params().family, "instance");
  params.keys_are_public = family.keys_are_public();
  params.projection = family.projection(instance.params());
  return params;
}

bool refused(const schemes::Scheme& scheme, const schemes::PublicParams& params) {
  try {
    scheme.check(params, "scheme");
    return false;
  } catch (const core::ConfigError&) {
    return true;
  }
}

std::vector<Json> for_each_game(const schemes::Scheme& scheme,
                                const std::vector<std::unique_ptr<reduction::Instance>>& instances,
                                const std::function<void(const Game&)>& visit) {
  std::vector<Json> never;
  for (const Json& preset : presets(scheme.options())) {
    bool played = false;
    for (const auto& instance : instances) {
      Game game{&scheme, instance.get(), conformance_params(scheme, *instance, preset), "fixed"};
      const schemes::PublicParams open = game.params;
      if (refused(scheme, open)) continue;
      played = true;
      if (!scheme.options().has_size()) {
        visit(game);
        continue;
      }
      const core::Bits least = scheme.fit(open, 0).least_bits;
      const schemes::Fit full = scheme.fit(open, unlimited);
      if (!full.options) throw std::logic_error(game.text() + ": no options for an unlimited budget");
      game.params.options = *full.options;
      game.params.budget_bits = unlimited;
      const core::Bits most = scheme.message_bits(game.params).value_or(2 * least + 64);
      for (const auto& [size, budget] :
           {std::pair{"least", least}, {"middle", least + (most - least) / 2}, {"full", unlimited}}) {
        const schemes::Fit fit = scheme.fit(open, budget);
        if (!fit.options)
          throw std::logic_error(game.text() + ": no options for " + std::to_string(budget) + " bits, least " +
                                 std::to_string(least));
        game.params.options = *fit.options;
        game.params.budget_bits = budget;
        game.size = size;
        visit(game);
      }
    }
    if (!played) never.push_back(preset);
  }
  return never;
}

bool repeats_index(const Game& game) {
  return game.instance->params().family != "index";
}

RowMatrixD queries_of(const reduction::Instance& instance, double tau) {
  const Index tokens = instance.params().tokens();
  RowMatrixD queries(tokens + 4, instance.params().d);
  queries.topRows(tokens) = tau * all_keys(instance).cast<double>();
  queries.middleRows(tokens, 2) = instance.mixture_queries(2, tau);
  queries.bottomRows(2) = instance.random_queries(2, tau);
  return queries;
}

core::BitWriter stream_through(schemes::PublicParams params, const reduction::Instance& instance, int chunk,
                               const std::function<void(const schemes::Encoder&)>& after_block) {
  params.chunk = chunk;
  const auto encoder = schemes::Schemes::find(params.scheme, "scheme").encoder(params);
  const RowMatrixF keys = all_keys(instance), values = all_values(instance);
  for (int map = 0; map < params.schedule.map_count(); ++map) {
    const Index end = params.schedule.first_token(map + 1);
    for (Index first = params.schedule.first_token(map); first < end; first += chunk) {
      const Index count = std::min<Index>(chunk, end - first);
      encoder->absorb({map, first, keys.middleRows(first, count), values.middleRows(first, count)});
      if (after_block) after_block(*encoder);
    }
  }
  core::BitWriter writer;
  encoder->write(writer);
  return writer;
}

void Tally::expect(bool holds, const Game& game, const std::string& what) {
  ++checks_;
  if (holds) return;
  if (++failures_ <= 5) UNSCOPED_INFO(game.text() + ": " + what);
}

Tally::~Tally() noexcept(false) {
  CHECK(failures_ == 0);
  CHECK(checks_ > 0);
}

}  // namespace kvfrontier::tests
