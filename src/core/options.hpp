#pragma once
// Option: one named value of a config, a scheme's options or a record, as tables, validation, docs and the schema see it.
// OptionTable: all of them. core/members.hpp derives both from the member list of a struct.

#include <functional>
#include <limits>
#include <string>
#include <utility>
#include <vector>

#include "core/json.hpp"

namespace kvfrontier::core {

class Options;

// How a record's value enters the summary of a point.
enum class Aggregate { none, mean, largest, sum };

struct Option {
  enum class Type { integer, real, text, boolean, structured };

  std::string name;
  Type type = Type::integer;
  Json default_value;  // null: no default; a size option left null is chosen by the budget
  double least = -std::numeric_limits<double>::infinity(), most = std::numeric_limits<double>::infinity();
  std::vector<std::string> choices;  // of a text option; empty: any
  std::string meaning, unit;         // unit "": a pure number or a name
  std::string allowed;               // what a structured option may be
  bool required = false;             // it must be given
  bool size = false;                 // it fixes the length of the message: an entry that gives one is not budgeted
  bool nullable = false;             // null is a value: nothing, or a number that is none
  Aggregate aggregate = Aggregate::none;

  std::string allowed_text() const;
  std::string type_text() const;
};

class OptionTable {
 public:
  // Makes the typed value of resolved options; `path` is where they are.
  using Make = std::function<Options(const Json& resolved, const std::string& path)>;

  OptionTable(std::vector<Option> options, Make make) : options_(std::move(options)), make_(std::move(make)) {}

  const std::vector<Option>& options() const { return options_; }
  const Option* find(const std::string& name) const;
  std::vector<std::string> names() const;
  // "bits, group": the options that fix the length of a message.
  std::string size_names() const;

  // `value` checked against the option's type and range, numbers brought to the option's type. Throws ConfigError.
  static Json check(const Option& option, const Json& value, const std::string& path);

  // The typed options with defaults filled in. `given` is an object; a "name" key in it is passed over. Throws
  // ConfigError at `path`.key for an unknown key, a wrong type, a value out of range or a required option that is missing.
  Options resolve(const Json& given, const std::string& path) const;

  // Options as a record stores them. One that came later has its default. Throws ConfigError like resolve().
  Options stored(const Json& resolved, const std::string& path) const;

  // True when `given` names at least one size option.
  bool gives_size(const Json& given) const;
  bool has_size() const;
  bool has_required() const;
  // True when a size option of these is still null: no budget has chosen it.
  bool size_is_open(const Options& resolved) const;
  // The first size option that is null, or nullptr.
  const Option* open_size(const Options& resolved) const;
  // The same options with every size option null again.
  Options without_sizes(const Options& resolved) const;

 private:
  std::vector<Option> options_;
  Make make_;
};

}  // namespace kvfrontier::core
