#pragma once
// One list of members describes a struct. JSON in both directions, validation with dotted paths, option tables, the
// schema, the documentation of records and the columns of tables are derived from it.
//
//   struct UniformOptions {
//     std::optional<double> bits;
//     Keys keys = Keys::stored;
//     static core::MemberList<UniformOptions> members() {
//       return {core::member("bits", &UniformOptions::bits, "bits an entry").range(1, 16).sized(),
//               core::member("keys", &UniformOptions::keys, "where the decoder's keys come from")};
//     }
//   };
//
// The C++ type of a member gives its JSON type: integers, double and float, bool, std::string, enums with EnumNames,
// std::optional of these (null: nothing), std::vector and std::map<std::string, V> of these, structs with members().
// Defaults are those of a default-constructed struct.

#include <algorithm>
#include <array>
#include <cmath>
#include <concepts>
#include <cstdint>
#include <functional>
#include <limits>
#include <map>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <type_traits>
#include <typeinfo>
#include <utility>
#include <vector>

#include "core/errors.hpp"
#include "core/options.hpp"

namespace kvfrontier::core {

template <class T>
class MemberList;
template <class T>
const MemberList<T>& members_of();

template <class T>
concept HasMembers = requires {
  T::members();
};

// Names of an enum whose values count from 0: specialise it with
// `static constexpr std::array names{"stored", "public"};`.
template <class E>
struct EnumNames;

template <class E>
std::string enum_name(E value) {
  return EnumNames<E>::names.at(static_cast<std::size_t>(value));
}
// Throws ConfigError at `path` for a name that is none of them.
template <class E>
E enum_value(const std::string& name, const std::string& path) {
  const auto& names = EnumNames<E>::names;
  const auto found = std::find(names.begin(), names.end(), name);
  if (found != names.end()) return static_cast<E>(found - names.begin());
  std::string allowed;
  for (const char* known : names) allowed.append(allowed.empty() ? "" : ", ").append(known);
  throw ConfigError(path, '"' + name + '"', allowed, nearest_name(name, {names.begin(), names.end()}));
}

// How a value of type V is written in JSON. describe() fills in type, choices and range of its option.
template <class V>
struct JsonForm;

template <>
struct JsonForm<bool> {
  static void describe(Option& option) { option.type = Option::Type::boolean; }
  static Json to_json(bool value) { return value; }
  static bool from_json(const Json& json, const std::string&) { return json.get<bool>(); }
};
template <std::integral V>
struct JsonForm<V> {
  static void describe(Option& option) {
    option.type = Option::Type::integer;
    option.least = std::max(-9e15, static_cast<double>(std::numeric_limits<V>::min()));
    option.most = static_cast<double>(std::numeric_limits<V>::max());
    // Beyond this a double stands for more than one integer, which is harmless for seeds alone.
    if (std::is_signed_v<V>) option.most = std::min(9e15, option.most);
  }
  static Json to_json(V value) { return value; }
  static V from_json(const Json& json, const std::string&) { return json.get<V>(); }
};
template <std::floating_point V>
struct JsonForm<V> {
  static void describe(Option& option) { option.type = Option::Type::real; }
  // JSON has no infinity and no NaN: null.
  static Json to_json(V value) { return std::isfinite(value) ? Json(value) : Json(); }
  static V from_json(const Json& json, const std::string&) {
    return json.is_null() ? std::numeric_limits<V>::quiet_NaN() : json.get<V>();
  }
};
template <>
struct JsonForm<std::string> {
  static void describe(Option& option) { option.type = Option::Type::text; }
  static Json to_json(const std::string& value) { return value; }
  static std::string from_json(const Json& json, const std::string&) { return json.get<std::string>(); }
};
template <class V>
requires std::is_enum_v<V>
struct JsonForm<V> {
  static void describe(Option& option) {
    option.type = Option::Type::text;
    option.choices.assign(EnumNames<V>::names.begin(), EnumNames<V>::names.end());
  }
  static Json to_json(V value) { return enum_name(value); }
  static V from_json(const Json& json, const std::string& path) { return enum_value<V>(json.get<std::string>(), path); }
};
template <class V>
struct JsonForm<std::optional<V>> {
  static void describe(Option& option) {
    JsonForm<V>::describe(option);
    option.nullable = true;
  }
  static Json to_json(const std::optional<V>& value) { return value ? JsonForm<V>::to_json(*value) : Json(); }
  static std::optional<V> from_json(const Json& json, const std::string& path) {
    return json.is_null() ? std::nullopt : std::optional<V>(JsonForm<V>::from_json(json, path));
  }
};
// A value of a list or a map, checked like a member of its own.
template <class V>
V checked_value(const Json& json, const std::string& path) {
  static const Option option = [] {
    Option described;
    JsonForm<V>::describe(described);
    return described;
  }();
  // What is structured checks itself, and is not copied.
  if (option.type == Option::Type::structured || (json.is_null() && option.nullable))
    return JsonForm<V>::from_json(json, path);
  return JsonForm<V>::from_json(OptionTable::check(option, json, path), path);
}
template <class V>
struct JsonForm<std::vector<V>> {
  static void describe(Option& option) {
    option.type = Option::Type::structured;
    option.allowed = "a list";
  }
  static Json to_json(const std::vector<V>& list) {
    Json json = Json::array();
    for (const auto& value : list) json.push_back(JsonForm<V>::to_json(value));
    return json;
  }
  static std::vector<V> from_json(const Json& json, const std::string& path) {
    if (!json.is_array()) throw ConfigError(path, core::describe(json), "a list");
    std::vector<V> list;
    for (const Json& value : json)
      list.push_back(checked_value<V>(value, path + "[" + std::to_string(list.size()) + "]"));
    return list;
  }
};
template <class V>
struct JsonForm<std::map<std::string, V>> {
  static void describe(Option& option) {
    option.type = Option::Type::structured;
    option.allowed = "an object";
  }
  static Json to_json(const std::map<std::string, V>& map) {
    Json json = Json::object();
    for (const auto& [name, value] : map) json[name] = JsonForm<V>::to_json(value);
    return json;
  }
  static std::map<std::string, V> from_json(const Json& json, const std::string& path) {
    if (!json.is_object()) throw ConfigError(path, core::describe(json), "an object");
    std::map<std::string, V> map;
    for (const auto& [name, value] : json.items())
      map.emplace(name, checked_value<V>(value, core::join_path(path, name)));
    return map;
  }
};
template <HasMembers V>
struct JsonForm<V> {
  static void describe(Option& option) {
    option.type = Option::Type::structured;
    option.allowed = "an object";
  }
  static Json to_json(const V& value) { return members_of<V>().to_json(value, members_of<V>().nulls()); }
  static V from_json(const Json& json, const std::string& path) { return members_of<V>().read(json, path); }
};

// JSON as somebody wrote it, for values that another reader understands: kept as canonical text.
class JsonText {
 public:
  JsonText() = default;
  explicit JsonText(const Json& json) : text_(json.dump()) {}
  Json parsed() const { return Json::parse(text_); }
  const std::string& text() const { return text_; }
  bool operator==(const JsonText&) const = default;

 private:
  std::string text_ = "null";
};
template <>
struct JsonForm<JsonText> {
  static void describe(Option& option) {
    option.type = Option::Type::structured;
    option.nullable = true;
  }
  static Json to_json(const JsonText& value) { return value.parsed(); }
  static JsonText from_json(const Json& json, const std::string&) { return JsonText(json); }
};

// One member of a struct T. Built by member(); the setters chain.
template <class T>
class Member {
 public:
  using Get = std::function<Json(const T&)>;
  using Set = std::function<void(T&, const Json& checked, const std::string& path)>;

  Member(Option option, Get get, Set set, std::function<const void*(const T&)> address = {})
      : option_(std::move(option)), get_(std::move(get)), set_(std::move(set)), address_(std::move(address)) {}

  Member range(double least, double most) && {
    option_.least = std::max(option_.least, least);
    option_.most = std::min(option_.most, most);
    return std::move(*this);
  }
  Member allowed(std::string text) && {
    option_.allowed = std::move(text);
    return std::move(*this);
  }
  Member unit(std::string text) && {
    option_.unit = std::move(text);
    return std::move(*this);
  }
  // It fixes the length of the message.
  Member sized() && {
    option_.size = true;
    return std::move(*this);
  }
  // It must be given.
  Member needed() && {
    option_.required = true;
    return std::move(*this);
  }
  // The same for structs of which `condition` is true; it may read the members before this one.
  Member needed_when(std::function<bool(const T&)> condition) && {
    option_.required = true;
    needed_when_ = std::move(condition);
    return std::move(*this);
  }
  // Names for a text that are known only when the program runs.
  Member one_of(std::vector<std::string> choices) && {
    option_.choices = std::move(choices);
    return std::move(*this);
  }
  Member nullable() && {
    option_.nullable = true;
    return std::move(*this);
  }
  Member summed_by(Aggregate aggregate) && {
    option_.aggregate = aggregate;
    return std::move(*this);
  }
  // `check` throws ConfigError at the path for a value that is none; it may read the members before this one.
  Member checked(std::function<void(const T&, const std::string& path)> check) && {
    check_ = std::move(check);
    return std::move(*this);
  }
  // The member exists only for structs of which `condition` is true; it may read the members before this one.
  Member when(std::function<bool(const T&)> condition) && {
    when_ = std::move(condition);
    return std::move(*this);
  }

  const Option& option() const { return option_; }
  Option& option() { return option_; }
  Json get(const T& value) const { return get_(value); }
  void set(T& value, const Json& checked, const std::string& path) const {
    set_(value, checked, path);
    if (check_) check_(value, path);
  }
  bool needed(const T& value) const { return option_.required && (!needed_when_ || needed_when_(value)); }
  bool exists(const T& value) const { return !when_ || when_(value); }
  const void* address(const T& value) const { return address_ ? address_(value) : nullptr; }

 private:
  Option option_;
  Get get_;
  Set set_;
  std::function<const void*(const T&)> address_;
  std::function<void(const T&, const std::string&)> check_;
  std::function<bool(const T&)> needed_when_, when_;
};

template <class T, class V>
Member<T> member(std::string name, V T::*place, std::string meaning) {
  Option option;
  option.name = std::move(name);
  option.meaning = std::move(meaning);
  JsonForm<V>::describe(option);
  return Member<T>(
      std::move(option), [place](const T& value) { return JsonForm<V>::to_json(value.*place); },
      [place](T& value, const Json& json, const std::string& path) {
        value.*place = JsonForm<V>::from_json(json, path);
      },
      [place](const T& value) -> const void* { return &(value.*place); });
}

// A member of the part `whole.*place`, as a member of the whole.
template <class T, class Part>
Member<T> lifted(Part T::*place, const Member<Part>& member) {
  return Member<T>(
             member.option(), [place, member](const T& whole) { return member.get(whole.*place); },
             [place, member](T& whole, const Json& json, const std::string& path) {
               member.set(whole.*place, json, path);
             })
      .when([place, member](const T& whole) { return member.exists(whole.*place); });
}

// Whether absent values (null, "", [] and {}) are written or left out.
enum class Nulls { keep, omit };
inline bool is_absent(const Json& json) {
  return json.is_null() || (json.is_string() ? json.get_ref<const std::string&>().empty() : json.empty());
}

template <class T>
class MemberList {
 public:
  MemberList(std::initializer_list<Member<T>> list, Nulls nulls = Nulls::keep)
      : MemberList(std::vector<Member<T>>(list), nulls) {}
  MemberList(std::vector<Member<T>> list, Nulls nulls = Nulls::keep) : list_(std::move(list)), nulls_(nulls) {
    const T fresh{};
    for (Member<T>& member : list_) member.option().default_value = member.get(fresh);
  }

  const std::vector<Member<T>>& list() const { return list_; }
  Nulls nulls() const { return nulls_; }

  Json to_json(const T& value, Nulls nulls) const {
    Json json = Json::object();
    for (const Member<T>& member : list_) {
      if (!member.exists(value)) continue;
      Json one = member.get(value);
      if (nulls == Nulls::omit && is_absent(one)) continue;
      json[member.option().name] = std::move(one);
    }
    return json;
  }

  // Members that `json` lacks keep their values in `value`, keys that are no member are passed over. Throws ConfigError
  // at `path`.name for a wrong type, a value out of range or a required member that is missing.
  T read(const Json& json, const std::string& path, T value = {}) const {
    if (!json.is_object()) throw ConfigError(path, core::describe(json), "an object");
    for (const Member<T>& member : list_) {
      if (!member.exists(value)) continue;
      const auto given = json.find(member.option().name);
      const auto place = [&] { return core::join_path(path, member.option().name); };
      if (given != json.end()) {
        set(value, member, *given, place());
      } else if (member.needed(value)) {
        throw ConfigError(place(), "nothing", member.option().allowed_text());
      }
    }
    return value;
  }

  // Checks `given` and puts it into the member of `value`.
  static void set(T& value, const Member<T>& member, const Json& given, const std::string& path) {
    const Option& option = member.option();
    const bool may_be_null = option.nullable || (option.default_value.is_null() && !option.required);
    if (option.type == Option::Type::structured || (given.is_null() && may_be_null)) {
      member.set(value, given, path);
    } else {
      member.set(value, OptionTable::check(option, given, path), path);
    }
  }

  // The member that `place` points to; it must be one of the list.
  template <class V>
  const Member<T>& at(V T::*place) const {
    static const T sample{};
    for (const Member<T>& member : list_) {
      if (member.address(sample) == &(sample.*place)) return member;
    }
    throw std::logic_error("a member that its list lacks");
  }

  std::vector<Option> options() const {
    std::vector<Option> options;
    for (const Member<T>& member : list_) options.push_back(member.option());
    return options;
  }

 private:
  std::vector<Member<T>> list_;
  Nulls nulls_;
};

template <class T>
const MemberList<T>& members_of() {
  static const MemberList<T> list = T::members();
  return list;
}
template <class T>
Json to_json(const T& value) {
  return members_of<T>().to_json(value, members_of<T>().nulls());
}
template <class T>
T from_json(const Json& json, const std::string& path) {
  return members_of<T>().read(json, path);
}
template <class T, class V>
std::string member_name(V T::*place) {
  return members_of<T>().at(place).option().name;
}

// The named members alone, as a flat object.
template <class T, class... V>
Json pick(const T& value, V T::*... places) {
  Json json = Json::object();
  ((json[member_name(places)] = JsonForm<V>::to_json(value.*places)), ...);
  return json;
}

struct NoOptions {
  static MemberList<NoOptions> members() { return {}; }
};

// Resolved options of a plug-in: a value of the struct that the plug-in declares, or the text that a record holds of
// options that this program does not know. A value: cheap to copy, never changed.
class Options {
 public:
  Options() : Options(NoOptions{}) {}
  template <HasMembers T>
  Options(T value) : held_(std::make_shared<const Held<T>>(std::move(value))) {}
  static Options unknown(const Json& json) {
    Options options;
    options.held_ = std::make_shared<const Unknown>(json);
    return options;
  }

  // The plug-in's own struct. std::logic_error where these are another plug-in's options.
  template <HasMembers T>
  const T& as() const {
    if (held_->type() != typeid(T)) throw std::logic_error("options of another plug-in");
    return static_cast<const Held<T>&>(*held_).value;
  }
  // Kept as text: no plug-in of this program knows them.
  bool is_unknown() const { return held_->type() == typeid(JsonText); }
  Json to_json() const { return held_->to_json(); }
  bool operator==(const Options& other) const { return to_json() == other.to_json(); }

 private:
  struct Base {
    virtual ~Base() = default;
    virtual const std::type_info& type() const = 0;
    virtual Json to_json() const = 0;
  };
  template <class T>
  struct Held : Base {
    explicit Held(T given) : value(std::move(given)) {}
    const std::type_info& type() const override { return typeid(T); }
    Json to_json() const override { return members_of<T>().to_json(value, Nulls::keep); }
    T value;
  };
  struct Unknown : Base {
    explicit Unknown(const Json& json) : text(json) {}
    const std::type_info& type() const override { return typeid(JsonText); }
    Json to_json() const override { return text.parsed(); }
    JsonText text;
  };
  std::shared_ptr<const Base> held_;
};

// The table of a struct's members.
template <HasMembers T>
const OptionTable& table_of() {
  static const OptionTable table(members_of<T>().options(), [](const Json& resolved, const std::string& path) {
    return Options(members_of<T>().read(resolved, path));
  });
  return table;
}

}  // namespace kvfrontier::core
