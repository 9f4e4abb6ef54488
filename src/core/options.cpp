#include "core/options.hpp"

#include <algorithm>
#include <cmath>

#include "core/errors.hpp"

namespace kvfrontier::core {
namespace {

std::string number_text(double value) {
  if (value == std::floor(value) && std::abs(value) < 1e15) return std::to_string(static_cast<std::int64_t>(value));
  return Json(value).dump();
}

}  // namespace

Option Option::integer(std::string name, Json default_value, std::int64_t least, std::int64_t most,
                       std::string meaning) {
  Option option;
  option.name = std::move(name);
  option.type = Type::integer;
  option.default_value = std::move(default_value);
  option.least = static_cast<double>(least);
  option.most = static_cast<double>(most);
  option.meaning = std::move(meaning);
  return option;
}

Option Option::real(std::string name, Json default_value, double least, double most, std::string meaning) {
  Option option = integer(std::move(name), std::move(default_value), 0, 0, std::move(meaning));
  option.type = Type::real;
  option.least = least;
  option.most = most;
  return option;
}

Option Option::choice(std::string name, std::string default_value, std::vector<std::string> choices,
                      std::string meaning) {
  Option option;
  option.name = std::move(name);
  option.type = Type::text;
  option.default_value = std::move(default_value);
  option.choices = std::move(choices);
  option.meaning = std::move(meaning);
  return option;
}

Option Option::boolean(std::string name, bool default_value, std::string meaning) {
  Option option;
  option.name = std::move(name);
  option.type = Type::boolean;
  option.default_value = default_value;
  option.meaning = std::move(meaning);
  return option;
}

Option Option::structured(std::string name, Json default_value, std::string allowed, std::string meaning) {
  Option option;
  option.name = std::move(name);
  option.type = Type::structured;
  option.default_value = std::move(default_value);
  option.allowed = std::move(allowed);
  option.meaning = std::move(meaning);
  return option;
}

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
  const std::string kind = type == Type::integer ? "an integer" : "a number";
  const bool below = std::isfinite(least), above = std::isfinite(most) && most < 9e18;
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
  if (option.type == Option::Type::real) return number;
  if (number != std::floor(number) || std::abs(number) > 9e15) return refuse();
  return static_cast<std::int64_t>(number);
}

Json OptionTable::resolve(const Json& given, const std::string& path) const {
  std::vector<std::string> known = names();
  known.push_back("name");
  require_known_keys(given, path, known);
  Json resolved = Json::object();
  for (const auto& option : options_) {
    const auto value = given.find(option.name);
    if (option.required && (value == given.end() || value->is_null()))
      throw ConfigError(join_path(path, option.name), "nothing", option.allowed_text());
    resolved[option.name] = value == given.end() || (value->is_null() && option.default_value.is_null())
                                ? option.default_value
                                : check(option, *value, join_path(path, option.name));
  }
  return resolved;
}

bool OptionTable::gives_size(const Json& given) const {
  return std::any_of(options_.begin(), options_.end(), [&](const Option& option) {
    const auto value = given.find(option.name);
    return option.size && value != given.end() && !value->is_null();
  });
}

bool OptionTable::size_is_open(const Json& resolved) const {
  return std::any_of(options_.begin(), options_.end(),
                     [&](const Option& option) { return option.size && resolved.at(option.name).is_null(); });
}

bool OptionTable::has_required() const {
  return std::any_of(options_.begin(), options_.end(), [](const Option& option) { return option.required; });
}

bool OptionTable::has_size() const {
  return std::any_of(options_.begin(), options_.end(), [](const Option& option) { return option.size; });
}

}  // namespace kvfrontier::core
