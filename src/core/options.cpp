#include "core/options.hpp"

#include <algorithm>
#include <cmath>

#include "core/errors.hpp"
#include "core/members.hpp"

namespace kvfrontier::core {
namespace {

std::string number_text(double value) {
  if (value == std::floor(value) && std::abs(value) < 1e15) return std::to_string(static_cast<std::int64_t>(value));
  return Json(value).dump();
}

}  // namespace

std::string Option::type_text() const {
  switch (type) {
    case Type::integer:
      return "integer";
    case Type::real:
      return "number";
    case Type::text:
      return "text";
    case Type::boolean:
      return "true or false";
    case Type::structured:
      return "structured";
  }
  return {};
}

std::string Option::allowed_text() const {
  if (type == Type::structured) return allowed;
  if (type == Type::boolean) return "true or false";
  if (type == Type::text) {
    std::string text;
    for (const auto& choice : choices) text += (text.empty() ? "" : ", ") + choice;
    return text.empty() ? "text" : text;
  }
  std::string kind = type == Type::integer ? "an integer" : "a number";
  // Integers end where doubles hold them no longer, which nobody needs to be told.
  const double end = type == Type::integer ? 9e15 : std::numeric_limits<double>::infinity();
  const bool below = least > -end, above = most < end;
  if (below && above) return kind + " from " + number_text(least) + " to " + number_text(most);
  if (below) return kind + " of at least " + number_text(least);
  if (above) return kind + " of at most " + number_text(most);
  return kind;
}

const Option* OptionTable::find(const std::string& name) const {
  const auto option = std::find_if(options_.begin(), options_.end(), [&](const Option& o) { return o.name == name; });
  return option == options_.end() ? nullptr : &*option;
}

std::vector<std::string> OptionTable::names() const {
  std::vector<std::string> list;
  for (const auto& option : options_) list.push_back(option.name);
  return list;
}

Json OptionTable::check(const Option& option, const Json& value, const std::string& path) {
  const auto refuse = [&]() -> Json {
    throw ConfigError(path, describe(value), option.allowed_text(),
                      value.is_string() ? nearest_name(value.get<std::string>(), option.choices) : "");
  };
  switch (option.type) {
    case Option::Type::structured:
      return value;
    case Option::Type::boolean:
      return value.is_boolean() ? value : refuse();
    case Option::Type::text:
      if (!value.is_string()) return refuse();
      if (!option.choices.empty() &&
          std::find(option.choices.begin(), option.choices.end(), value.get<std::string>()) == option.choices.end()) {
        return refuse();
      }
      return value;
    case Option::Type::integer:
    case Option::Type::real:
      break;
  }
  if (!value.is_number()) return refuse();
  const double number = value.get<double>();
  if (!(number >= option.least && number <= option.most)) return refuse();
  if (option.type == Option::Type::real) return number + 0.0;  // -0.0 is 0.0: one value, one point
  // Seeds are as long as integers get, and longer than the integers that doubles hold.
  if (value.is_number_integer()) return value;
  if (number != std::floor(number) || std::abs(number) > 9e15) return refuse();
  return static_cast<std::int64_t>(number);
}

Options OptionTable::resolve(const Json& given, const std::string& path) const {
  std::vector<std::string> known = names();
  known.push_back("name");
  require_known_keys(given, path, known);
  return stored(given, path);
}

Options OptionTable::stored(const Json& resolved, const std::string& path) const {
  for (const auto& option : options_) {
    const auto value = resolved.find(option.name);
    if (option.required && value != resolved.end() && value->is_null())
      throw ConfigError(join_path(path, option.name), "nothing", option.allowed_text());
  }
  return make_(resolved, path);
}

std::string OptionTable::size_names() const {
  std::string names;
  for (const auto& option : options_) {
    if (option.size) names += (names.empty() ? "" : ", ") + option.name;
  }
  return names;
}

bool OptionTable::gives_size(const Json& given) const {
  return std::any_of(options_.begin(), options_.end(), [&](const Option& option) {
    const auto value = given.find(option.name);
    return option.size && value != given.end() && !value->is_null();
  });
}

const Option* OptionTable::open_size(const Options& resolved) const {
  const Json json = resolved.to_json();
  const auto open = std::find_if(options_.begin(), options_.end(),
                                 [&](const Option& option) { return option.size && json.at(option.name).is_null(); });
  return open == options_.end() ? nullptr : &*open;
}

bool OptionTable::size_is_open(const Options& resolved) const {
  return has_size() && open_size(resolved) != nullptr;
}

Options OptionTable::without_sizes(const Options& resolved) const {
  Json json = resolved.to_json();
  for (const auto& option : options_) {
    if (option.size) json[option.name] = Json();
  }
  return make_(json, "options");
}

bool OptionTable::has_required() const {
  return std::any_of(options_.begin(), options_.end(), [](const Option& option) { return option.required; });
}

bool OptionTable::has_size() const {
  return std::any_of(options_.begin(), options_.end(), [](const Option& option) { return option.size; });
}

}  // namespace kvfrontier::core
