#pragma once
// The game that the first bytes of an input of the target `message` choose: a scheme, a small shape, options and a
// budget. Shared by the target and by seeds.cpp, which plays such games for its first messages.

#include <algorithm>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "core/errors.hpp"
#include "input.hpp"
#include "reduction/instance.hpp"
#include "schemes/scheme.hpp"

namespace kvfrontier::fuzz {

// Schemes that need nothing from outside.
inline const std::vector<std::string>& message_schemes() {
  static const auto names = schemes::self_contained_schemes();
  return names;
}

// Takes the scheme off the front of an input: its name and a newline, so that inputs mean the same when schemes are
// added. Anything else in that place is some scheme too, for no input should be lost.
inline const schemes::Scheme& message_scheme(Input& input) {
  constexpr std::size_t longest_name = 24;
  const std::string_view rest = input.rest();
  const std::size_t end = std::min(rest.substr(0, longest_name).find('\n'), rest.size());
  const std::string name(rest.substr(0, end));
  const auto& names = message_schemes();
  if (std::find(names.begin(), names.end(), name) == names.end())
    return schemes::Schemes::find(names[input.choice(names.size())], "scheme");
  input.skip(end + 1);
  return schemes::Schemes::find(name, "scheme");
}

// The value of one option: half of all bytes mean the default.
inline core::Json option_value(const core::Option& option, std::uint8_t byte) {
  using Type = core::Option::Type;
  if (byte % 2 == 0 || option.size) return option.default_value;
  const int step = byte / 2;
  switch (option.type) {
    case Type::text:
      return option.choices.empty() ? option.default_value : core::Json(option.choices[step % option.choices.size()]);
    case Type::boolean:
      return step % 2 == 1;
    case Type::integer: {
      const double value = option.least + step % 8;
      if (!(option.least > -1e9) || value > option.most) return option.default_value;
      return static_cast<std::int64_t>(value);
    }
    case Type::real:
      if (!(option.least > -1e9) || !(option.most < 1e9)) return option.default_value;
      return option.least + (option.most - option.least) * (step % 9) / 8;
    case Type::structured:
      break;
  }
  return option.default_value;
}

struct MessageGame {
  schemes::PublicParams params;
  reduction::InstanceParams instance;  // one that the parameters could belong to
};

// The shape of the game: schedule, width, family and keys. nullopt where there are no such keys.
inline std::optional<MessageGame> message_shape(Input& input) {
  using geometry::Schedule;
  static const std::vector<Schedule> schedules{Schedule::named("one_step", 3), Schedule("sides", {2, 3}),
                                               Schedule::named("doubling", 4), Schedule::named("doubling", 8),
                                               Schedule("sides", {1, 2, 3, 4})};  // N = 1, 4, 5, 21, 14
  static const std::vector<core::Index> widths{16, 1, 2, 3, 7, 8, 33};
  static const auto families = reduction::InstanceFamilies::names(), embeddings = geometry::Embeddings::names();
  MessageGame game;
  game.instance.schedule = schedules[input.choice(schedules.size())];
  game.instance.d = widths[input.choice(widths.size())];
  const std::size_t keys = input.choice(2 * embeddings.size());
  if (keys % 2 == 1) game.instance.embedding = embeddings[keys / 2];
  const std::size_t kind = input.choice(2 * families.size());
  if (kind % 2 == 1) game.instance.family = families[kind / 2];
  const auto& family = reduction::InstanceFamilies::find(game.instance.family, "instance");
  game.instance.options = family.options().resolve(core::Json::object(), "instance");
  if (!game.instance.keys().why_impossible(game.instance.tokens(), game.instance.d).empty()) return std::nullopt;
  try {
    family.check(game.instance, "instance");
  } catch (const core::ConfigError&) {
    return std::nullopt;
  }
  game.params.schedule = game.instance.schedule;
  game.params.d = game.instance.d;
  game.params.embedding = game.instance.embedding;
  game.params.keys_are_public = family.keys_are_public();
  game.params.projection = family.projection(game.instance);
  game.params.tau = 8;
  game.params.coins = reduction::TrialCoins::derive(1, game.instance, 0).open;
  return game;
}

// How many bytes of an input choose its game, if it has so many.
inline std::size_t message_game_bytes(Input input) {
  const std::size_t size = input.rest().size();
  const auto& scheme = message_scheme(input);
  return size - input.rest().size() + 5 + scheme.options().options().size();
}

// Takes a game off the front of an input: nullopt where a scheme refuses the options or has none for the budget.
inline std::optional<MessageGame> message_game(Input& input) {
  const auto& scheme = message_scheme(input);
  const double share = input.byte() / 255.0;  // of the bits between the least and the most that the scheme can use
  std::optional<MessageGame> game = message_shape(input);
  core::Json given = core::Json::object();
  for (const core::Option& option : scheme.options().options()) given[option.name] = option_value(option, input.byte());
  if (!game) return std::nullopt;
  try {
    schemes::PublicParams& params = game->params;
    params.scheme = scheme.name();
    params.options = scheme.options().resolve(given, "scheme");
    scheme.check(params, "scheme");
    if (!scheme.options().has_size()) return game;
    constexpr core::Bits unlimited = core::Bits{1} << 50;
    const core::Bits least = scheme.fit(params, 0).least_bits;
    const schemes::Fit full = scheme.fit(params, unlimited);
    if (!full.options) return std::nullopt;
    schemes::PublicParams largest = params;
    largest.options = *full.options;
    largest.budget_bits = unlimited;
    const core::Bits most = scheme.message_bits(largest).value_or(2 * least + 64);
    params.budget_bits = least + static_cast<core::Bits>(share * static_cast<double>(most - least));
    const schemes::Fit fit = scheme.fit(params, *params.budget_bits);
    if (!fit.options) return std::nullopt;
    params.options = *fit.options;
    return game;
  } catch (const core::ConfigError&) {
    return std::nullopt;
  }
}

}  // namespace kvfrontier::fuzz
