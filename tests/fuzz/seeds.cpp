// Writes the first inputs of every target and the dictionaries that they are mutated with, from the registries and from
// the records in results/reference. Usage: kvfrontier-fuzz-seeds SOURCE OUT
// Files of a corpus that it does not write (regressions, found inputs) stay as they are.

#include <algorithm>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <limits>
#include <set>
#include <string>
#include <vector>

#include "core/files.hpp"
#include "input.hpp"
#include "message_game.hpp"
#include "simulator/message.hpp"
#include "simulator/transcript.hpp"
#include "sweep/experiment.hpp"
#include "sweep/record_line.hpp"
#include "sweep/store_files.hpp"

using namespace kvfrontier;
using core::Json;
namespace fs = std::filesystem;

namespace {

fs::path out;

void seed(const std::string& target, const std::string& name, const std::string& bytes) {
  fs::create_directories(out / "corpus" / target);
  core::write_file(out / "corpus" / target / name, bytes);
}

std::string bytes_of(const core::BitString& bits) {
  std::string bytes(static_cast<std::size_t>(bits.size + 7) / 8, '\0');
  std::memcpy(bytes.data(), bits.words.data(), bytes.size());
  return bytes;
}

// Choices of a game that some scheme plays, from a few that differ in everything.
std::string message_choices(std::size_t scheme, int variant) {
  std::string chosen = fuzz::message_schemes()[scheme] + '\n';
  chosen += static_cast<char>(variant == 0 ? 100 : variant == 1 ? 255 : 20);  // share of the bits
  chosen += static_cast<char>(variant == 0 ? 2 : variant == 1 ? 3 : 1);       // schedule
  chosen += static_cast<char>(variant == 0 ? 6 : variant == 1 ? 3 : 4);       // width
  chosen += std::string(2, '\0');                                             // sphere keys, INDEX
  const auto& table = schemes::Schemes::find(fuzz::message_schemes()[scheme], "scheme").options();
  for (std::size_t i = 0; i < table.options().size(); ++i)
    chosen += static_cast<char>(variant == 0 ? 0 : 2 * ((variant + i) % 4) + 1);
  return chosen;
}

void message_seeds() {
  for (std::size_t scheme = 0; scheme < fuzz::message_schemes().size(); ++scheme) {
    for (int variant = 0; variant < 3; ++variant) {
      const std::string chosen = message_choices(scheme, variant);
      fuzz::Input input(reinterpret_cast<const std::uint8_t*>(chosen.data()), chosen.size());
      const auto game = fuzz::message_game(input);
      if (!game) continue;
      const auto instance =
          reduction::make_instance(game->instance, reduction::TrialCoins::derive(1, game->instance, 0));
      const auto bits = simulator::encode(game->params, *instance).bits;
      if (bits.size > 8 * 1500) continue;
      const char unused = static_cast<char>((8 - bits.size % 8) % 8);
      seed("message", game->params.scheme + "-" + std::to_string(variant), unused + chosen + bytes_of(bits));
    }
  }
}

void transcript_seeds() {
  const std::vector<std::string>& names = fuzz::message_schemes();
  for (std::size_t scheme = 0; scheme < names.size(); scheme += 3) {
    const std::string chosen = message_choices(scheme, 2);
    fuzz::Input input(reinterpret_cast<const std::uint8_t*>(chosen.data()), chosen.size());
    const auto game = fuzz::message_game(input);
    if (!game) continue;
    const auto instance = reduction::make_instance(game->instance, reduction::TrialCoins::derive(1, game->instance, 0));
    simulator::Transcript played;
    played.params = game->params;
    played.message = simulator::encode(game->params, *instance).bits;
    played.queries = instance->random_queries(2, game->params.tau);
    played.answers = core::RowMatrixD::Zero(2, game->params.d);
    fs::create_directories(out / "corpus/transcript");
    simulator::write_transcript(played, out / "corpus/transcript" / names[scheme]);
  }
}

std::string frame(const std::string& bytes) {
  const std::uint64_t size = bytes.size();
  return std::string(reinterpret_cast<const char*>(&size), sizeof(size)) + bytes;
}
template <class Number>
std::string number(Number value) {
  return {reinterpret_cast<const char*>(&value), sizeof(value)};
}

void protocol_seeds() {
  const std::string answers = frame(number(0.5) + number(1.0) + number(-2.0) + number(1e300)),
                    length = frame(number(std::uint64_t{19})), message = frame({'\x12', '\x34', '\x07'});
  seed("protocol", "game", std::string("\0\2\2", 3) + length + message + answers);
  seed("protocol", "message", std::string("\1\2\3", 3) + message + answers);
  seed("protocol", "answers", std::string("\2\2\2", 3) + answers);
  seed("protocol", "answers-then-text", std::string("\2\2\2", 3) + answers + "done\n");
  seed("protocol", "answers-not-finite",
       std::string("\2\1\1", 3) + frame(number(std::numeric_limits<double>::infinity())));
  seed("protocol", "no-answers", std::string("\2\0\3", 3) + frame(""));
  seed("protocol", "padding", std::string("\1\2\3", 3) + frame({'\x12', '\x34', '\x17'}));
  seed("protocol", "text", std::string("\0\1\1", 3) + "Loading weights...\nTraceback (most recent call last):\n");
  seed("protocol", "printed", std::string("\3\1\1", 3) + "Loading weights...\r\n\n  KeyError: 'coins'\n");
  seed("protocol", "printed-bytes",
       std::string("\3\1\1", 3) + "\xc3\xa9\xe2\x82\xac\n\r\n\t\x80\xff" + std::string(600, 'x'));
  seed("protocol", "length-cut-off", std::string("\0\1\1", 3) + number(std::uint64_t{8}) + "abc");
  seed("protocol", "length-too-large", std::string("\0\1\1", 3) + frame(number(std::uint64_t{9'000'000'000'000'001})));
  seed("protocol", "length-far-beyond-the-message",
       std::string("\0\1\1", 3) + frame(number(std::uint64_t{8'000'000'000'000'000})) +
           number(std::uint64_t{1'000'000'000'000'000}) + "x");
}

// The text that is sealed into a line.
std::string unsealed(Json object) {
  object.erase(sweep::checksum_name);
  return object.dump();
}

// The first records of a store in results/reference, by kind of data, and what belongs to them.
void store_seeds(const fs::path& directory) {
  const std::string name = directory.filename();
  const sweep::Store store = sweep::read_store(directory, [](const std::string&) {});
  std::set<std::string> experiments;
  std::string records, stops, other_records;
  for (const auto& [id, point] : store.points) {
    const auto all = point.all();
    const std::string experiment =
        sweep::identity_of(all.front()).experiment + core::enum_name(all.front().result.status);
    if (!experiments.insert(experiment).second || experiments.size() > 2) continue;
    for (std::size_t i = 0; i < std::min<std::size_t>(experiments.size() == 1 ? 2 : 1, all.size()); ++i)
      records += unsealed(all[i].to_json()) + '\n';
    other_records += unsealed(all.front().to_json()) + '\n';
    if (const auto stop = store.stops.find(id); stop != store.stops.end())
      stops += unsealed(stop->second.to_json()) + '\n';
    const std::string line = unsealed(all.front().to_json());
    seed("record_line", name + "-" + std::to_string(experiments.size()), '\1' + line);
    if (experiments.size() == 1) {
      std::string sealed = sweep::sealed(line);
      sealed.pop_back();
      seed("record_line", name + "-sealed", '\0' + sealed);
    }
  }
  const std::string session = unsealed({{"session", store.sessions.begin()->first}, {"schema", 1}}) + '\n';
  const std::string all = records + '\0' + stops + '\0' + session + '\0' + other_records;
  seed("store", name, '\1' + all);
  seed("store", name + "-ids", '\3' + records + '\0' + stops);
  seed("store", name + "-packed", '\5' + records + '\0' + stops);
  std::string packed = core::read_file(directory / "stops.jsonl.zst");
  packed.resize(std::min<std::size_t>(packed.size(), 1500));
  seed("store", name + "-zst-cut-off", '\x08' + packed);
}

std::string config_text(const std::string& experiment, const Json& grid) {
  return Json{{"experiment", experiment}, {"seed", 7}, {"grid", grid}, {"stop", {{"max_trials", 2}}}}.dump(1);
}

void config_seeds() {
  for (const std::string& name : sweep::Experiments::names()) {
    if (name.rfind("cheat_", 0) == 0) continue;
    seed("config", "experiment-" + name, Json{{"experiment", name}}.dump());
  }
  for (const std::string& name : schemes::self_contained_schemes()) {
    const auto& table = schemes::Schemes::find(name, "scheme").options();
    Json scheme{{"name", name}};
    for (const core::Option& option : table.options()) {
      if (!option.size && !option.default_value.is_null()) scheme[option.name] = option.default_value;
    }
    seed("config", "scheme-" + name,
         config_text("index_frontier", {{"n", 4}, {"d", 16}, {"rate", {1, 8}}, {"scheme", {scheme}}}));
  }
  for (const std::string& name : reduction::InstanceFamilies::names()) {
    seed("config", "instance-" + name,
         config_text("index_frontier",
                     {{"n", {4, 8}}, {"d", 16}, {"rate", 4}, {"instance", name}, {"scheme", {"uniform"}}}));
  }
  for (const std::string& name : geometry::Embeddings::names())
    seed("config", "embedding-" + name,
         config_text("index_frontier", {{"n", 8}, {"d", 64}, {"rate", 4}, {"embedding", name}, {"scheme", "exact"}}));
  seed("config", "ranges",
       "// a comment\n{\"experiment\": \"index_frontier\", \"n\": {\"geometric\": [4, 16, 2]}, \"grid\": [{\"rate\": "
       "{\"linear\": [0.1, 0.5, 0.1]}, \"d\": 16, /* another */ \"scheme\": \"bitpack\"}], \"stop\": {\"half_width\": "
       "0.1, \"min_trials\": 2, \"max_trials\": 8}}\n");
}

// Words as libFuzzer reads them, without those that need escapes.
void dictionary(const std::string& target, const std::set<std::string>& words) {
  std::string text;
  for (const std::string& word : words) {
    if (word.size() > 40 || std::any_of(word.begin(), word.end(), [](char c) { return c < ' ' || c > '~'; })) continue;
    std::string escaped;
    for (const char c : word) escaped += (c == '"' || c == '\\' ? std::string(1, '\\') : "") + c;
    if (!word.empty()) text += '"' + escaped + "\"\n";
  }
  fs::create_directories(out / "dictionaries");
  core::write_file(out / "dictionaries" / (target + ".dict"), text);
}

void dictionaries() {
  std::set<std::string> words{"//",    "/*",
                              "*/",    "null",
                              "true",  "false",
                              "1e308", "-1",
                              "1e-9",  "9007199254740993",
                              "[[[[",  "{\"\":",
                              "\\u00", "1e999",
                              "-0.0",  "18446744073709551615",
                              "0.1"};
  const auto add = [&](const core::OptionTable& table) {
    for (const core::Option& option : table.options()) {
      words.insert('"' + option.name + '"');
      for (const std::string& choice : option.choices) words.insert('"' + choice + '"');
    }
  };
  const auto add_all = [&]<class Registry>(const Registry*) {
    for (const std::string& name : Registry::names()) {
      words.insert('"' + name + '"');
      add(Registry::find(name, "").options());
    }
  };
  add_all(static_cast<const sweep::Experiments*>(nullptr));
  add_all(static_cast<const schemes::Schemes*>(nullptr));
  add_all(static_cast<const reduction::InstanceFamilies*>(nullptr));
  for (const std::string& name : geometry::Embeddings::names()) words.insert('"' + name + '"');
  for (const char* name : {"experiment", "grid", "seed", "stop", "$schema", "linear", "geometric", "name", "keys"})
    words.insert('"' + std::string(name) + '"');
  words.erase("\"process\"");
  dictionary("config", words);
  std::set<std::string> members{"null", "true", "false", "1e308", "-1", "9007199254740993", "1e999", "-0.0"};
  for (const auto& table : {core::table_of<sweep::Record>().names(), core::table_of<simulator::GameRecord>().names(),
                            core::table_of<simulator::GamePoint>().names(), core::table_of<sweep::Stop>().names(),
                            core::table_of<sweep::Identity>().names()}) {
    for (const std::string& name : table) members.insert('"' + name + "\":");
  }
  for (const char* status : {"ok", "uncertified", "infeasible", "failed"})
    members.insert('"' + std::string(status) + '"');
  dictionary("record_line", members);
  dictionary("store", members);
  std::set<std::string> header = words;
  for (const std::string& name : core::table_of<schemes::PublicParams>().names()) header.insert('"' + name + "\":");
  for (const char* name : {"kvfrontier-game-2", "message_bits", "queries", "answers_digest", "sides", "width", "decay"})
    header.insert(name);
  dictionary("transcript", header);
  dictionary("message", {fuzz::message_schemes().begin(), fuzz::message_schemes().end()});
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 3) {
    std::fprintf(stderr, "usage: %s SOURCE OUT\n", argv[0]);
    return 2;
  }
  const fs::path reference = fs::path(argv[1]) / "results/reference";
  out = argv[2];
  message_seeds();
  transcript_seeds();
  protocol_seeds();
  config_seeds();
  std::vector<fs::path> stores;
  for (const auto& entry : fs::directory_iterator(reference)) {
    if (entry.is_directory()) stores.push_back(entry.path());
  }
  std::sort(stores.begin(), stores.end());
  for (const fs::path& store : stores) store_seeds(store);
  dictionaries();
}
