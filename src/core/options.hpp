#pragma once
// Option tables: what a scheme, an embedding or an experiment can be told. One table serves validation, defaults, point
// ids, `describe` and the docs.

#include <limits>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "core/json.hpp"

namespace kvfrontier::core {

struct Option {
  enum class Type { integer, real, text, boolean, structured };

  std::string name;
  Type type = Type::integer;
  Json default_value;  // null: no default; a size option left null is chosen by the budget
  double least = -std::numeric_limits<double>::infinity(), most = std::numeric_limits<double>::infinity();
  std::vector<std::string> choices;  // of a text option; empty: any
  std::string meaning;
  bool required = false;  // it must be given
  bool size = false;      // it fixes the length of the message: an entry that gives one is not budgeted

  static Option integer(std::string name, Json default_value, std::int64_t least, std::int64_t most,
                        std::string meaning);
  static Option real(std::string name, Json default_value, double least, double most, std::string meaning);
  static Option choice(std::string name, std::string default_value, std::vector<std::string> choices,
                       std::string meaning);
  static Option boolean(std::string name, bool default_value, std::string meaning);
  // Checked by its reader; `allowed` says what it may be.
  static Option structured(std::string name, Json default_value, std::string allowed, std::string meaning);
  Option sized() && {
    size = true;
    return std::move(*this);
  }

  Option needed() && {
    required = true;
    return std::move(*this);
  }

  std::string allowed;  // what a structured option may be
  std::string allowed_text() const;
  std::string type_text() const;
};

class OptionTable {
 public:
  OptionTable() = default;
  OptionTable(std::initializer_list<Option> options) : options_(options) {}
  explicit OptionTable(std::vector<Option> options) : options_(std::move(options)) {}

  const std::vector<Option>& options() const { return options_; }
  const Option* find(const std::string& name) const;
  std::vector<std::string> names() const;

  // `value` checked against the option's type and range, numbers brought to the option's type. Throws ConfigError.
  static Json check(const Option& option, const Json& value, const std::string& path);

  // All options with defaults filled in. `given` is an object; a "name" key in it is passed over. Throws ConfigError at
  // `path`.key for an unknown key, a wrong type, a value out of range or a required option that is missing.
  Json resolve(const Json& given, const std::string& path) const;

  // True when `given` names at least one size option.
  bool gives_size(const Json& given) const;
  bool has_size() const;
  bool has_required() const;
  // True when a size option of these resolved options is still null: no budget has chosen it.
  bool size_is_open(const Json& resolved) const;

 private:
  std::vector<Option> options_;
};

}  // namespace kvfrontier::core
