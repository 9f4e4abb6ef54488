#include "cli/arguments.hpp"

#include <algorithm>
#include <charconv>
#include <iostream>
#include <typeinfo>

#include "cli/verb_list.hpp"
#include "core/errors.hpp"
#include "sweep/store_files.hpp"

namespace kvfrontier::cli {

namespace {

const std::type_info& type_of(const po::option_description& option) {
  const auto* value = dynamic_cast<const po::typed_value_base*>(option.semantic().get());
  return value == nullptr ? typeid(void) : value->value_type();
}

// What the value of a flag must be.
std::string kind_of(const po::option_description& option) {
  const std::type_info& type = type_of(option);
  if (type == typeid(void)) return "a value";
  if (type == typeid(std::uint64_t)) return "an integer of at least 0";
  if (type == typeid(double) || type == typeid(std::vector<double>)) return "a number";
  return type == typeid(std::string) || type == typeid(std::vector<std::string>) ? "text" : "an integer";
}

// The library reads -1 as the largest of all unsigned integers.
void refuse_negative(const std::string& verb, const po::parsed_options& parsed) {
  for (const auto& given : parsed.options) {
    const auto* option = parsed.description->find_nothrow(given.string_key, false);
    if (option == nullptr || type_of(*option) != typeid(std::uint64_t)) continue;
    for (const auto& text : given.value) {
      if (text.find('-') != std::string::npos)
        throw core::UserError(verb + ": --" + given.string_key + " " + text + ": it takes " + kind_of(*option) + ": " +
                              option->description());
    }
  }
}

}  // namespace

bool parse(const std::string& verb, const std::string& usage, const po::options_description& flags,
           const std::string& positional, int most, const std::vector<std::string>& arguments,
           po::variables_map& values) {
  po::options_description all(flags);
  all.add_options()("help,h", "show this help");
  po::options_description with_words(all);
  po::positional_options_description words;
  if (!positional.empty()) {
    with_words.add_options()(positional.c_str(), po::value<std::vector<std::string>>(), "");
    words.add(positional.c_str(), most);
  }
  const std::string hint = "; see kvfrontier " + verb + " --help";
  try {
    namespace style = po::command_line_style;
    const auto parsed = po::command_line_parser(arguments)
                            .options(with_words)
                            .positional(words)
                            .style(style::unix_style & ~style::allow_guessing)
                            .run();
    refuse_negative(verb, parsed);
    po::store(parsed, values);
    po::notify(values);
  } catch (const po::unknown_option& error) {
    std::vector<std::string> names;
    for (const auto& option : all.options()) names.push_back(option->long_name());
    std::string name = error.get_option_name();
    name.erase(0, name.find_first_not_of('-'));
    const std::string nearest = core::nearest_name(name, names);
    throw core::UserError(verb + ": unknown flag --" + name +
                          (nearest.empty() ? "" : "; did you mean --" + nearest + "?") + hint);
  } catch (const po::invalid_option_value& error) {
    std::string name = error.get_option_name();
    name.erase(0, name.find_first_not_of('-'));
    const auto* option = all.find_nothrow(name, false);
    throw core::UserError(verb + ": " + error.what() +
                          (option ? "; it takes " + kind_of(*option) + ": " + option->description() : hint));
  } catch (const po::too_many_positional_options_error&) {
    throw core::UserError(verb + ": too many words; usage: kvfrontier " + usage);
  } catch (const po::error& error) {
    throw core::UserError(verb + ": " + error.what() + hint);
  }
  if (values.count("help") > 0) {
    std::cout << "usage: kvfrontier " << usage << "\n\n" << all;
    return false;
  }
  return true;
}

std::string required(const po::variables_map& values, const std::string& name, const std::string& verb) {
  if (values.count(name) == 0)
    throw core::UserError(verb + ": " + name + " is missing; see kvfrontier " + verb + " --help");
  return values[name].as<std::vector<std::string>>().front();
}

std::pair<int, int> parse_shard(const std::string& text) {
  constexpr int most = 100'000;
  int index = 0, count = 0;
  const char* const end = text.data() + text.size();
  const auto first = std::from_chars(text.data(), end, index);
  const bool slash = first.ec == std::errc() && first.ptr != end && *first.ptr == '/';
  const auto second = slash ? std::from_chars(first.ptr + 1, end, count) : first;
  if (!slash || second.ec != std::errc() || second.ptr != end || index < 1 || index > count || count > most) {
    throw core::UserError("--shard " + text + ": write it as I/N with 1 <= I <= N <= " + std::to_string(most) +
                          ", for example 2/8");
  }
  return {index, count};
}

sweep::GrantedThreads chosen_threads(const po::variables_map& values) {
  if (values.count("threads") == 0) return sweep::granted_threads();
  const int count = values["threads"].as<int>();
  if (count < 1 || count > 4096)
    throw core::UserError("--threads " + std::to_string(count) + ": an integer from 1 to 4096");
  return {count, "--threads"};
}

std::string threads_text(const sweep::GrantedThreads& threads) {
  return std::to_string(threads.count) + (threads.count == 1 ? " thread (" : " threads (") + threads.from + ")";
}

void require_choice(const std::string& flag, const std::string& value, const std::vector<std::string>& choices) {
  if (std::find(choices.begin(), choices.end(), value) != choices.end()) return;
  std::string allowed;
  for (const auto& choice : choices) allowed += (allowed.empty() ? "" : ", ") + choice;
  const std::string nearest = core::nearest_name(value, choices);
  throw core::UserError(flag + ": found \"" + value + "\"; allowed: " + allowed +
                        (nearest.empty() ? "" : "; did you mean \"" + nearest + "\"?"));
}

geometry::Schedule parse_schedule(const std::string& name, int n) {
  const auto known = geometry::Schedule::names();
  const bool name_is_sound = std::find(known.begin(), known.end(), name) != known.end();
  return geometry::Schedule::named(name, n, name_is_sound ? "--n" : "--schedule");
}

simulator::Isolation parse_isolation(const std::string& text) {
  require_choice("--isolate", text, {"always", "never"});
  return text == "always" ? simulator::Isolation::always : simulator::Isolation::never;
}

std::vector<double> target_errors(const po::variables_map& values) {
  if (values.count("target-error") == 0) return {1.0 / 3, 0.1, 0.01};
  const auto targets = values["target-error"].as<std::vector<double>>();
  for (const double target : targets) {
    if (!(target > 0 && target < 0.5))
      throw core::UserError("--target-error " + core::describe(target) + ": a number above 0 and below 0.5");
  }
  return targets;
}

sweep::Store read_records(const std::string& directory) {
  sweep::Store store = sweep::read_store(directory, warn);
  if (store.points.empty())
    throw core::UserError(directory + ": no records here; kvfrontier run CONFIG --out " + directory +
                          " would write them to records.jsonl");
  return store;
}

void require_games(const std::string& directory, const sweep::Store& store, std::int64_t points) {
  if (points > 0) return;
  const sweep::StoredPoint& first = store.points.begin()->second;
  if (first.parameters().contains(core::member_name(&simulator::GamePoint::scheme)))
    throw core::UserError(directory + ": no point has finished its first trial; run the sweep again to go on");
  throw core::UserError(directory + ": no games here, only records of " + first.identity().experiment);
}

Games::Games(const std::string& directory) : store(read_records(directory)), points(analysis::summarise(store)) {
  require_games(directory, store, points.size());
}

}  // namespace kvfrontier::cli
