// Input that nobody would write by hand: the committed configs and records, changed at random. Whatever it says, the
// answer is a result or one sentence with the place, at once, and no terminal obeys it.

#include <cstdlib>
#include <fstream>
#include <random>

#include "../support/catch.hpp"
#include "analysis/columns.hpp"
#include "analysis/summary.hpp"
#include "core/errors.hpp"
#include "core/text.hpp"
#include "made_up.hpp"
#include "process.hpp"
#include "sweep/record_line.hpp"
#include "sweep/store_files.hpp"

namespace kvfrontier::end_to_end::hostile {
namespace {

// A fixed sequence: a failure is found again.
class Chance {
 public:
  explicit Chance(std::uint64_t seed) : engine_(seed) {}
  std::size_t below(std::size_t count) { return engine_() % count; }
  template <class T>
  const T& of(const std::vector<T>& list) {
    return list[below(list.size())];
  }

 private:
  std::mt19937_64 engine_;
};

// KVFRONTIER_TEST_STEPS=20 does twenty times as much as the suite has time for.
int steps(int in_the_suite) {
  const char* const factor = std::getenv("KVFRONTIER_TEST_STEPS");
  return in_the_suite * (factor == nullptr ? 1 : std::stoi(factor));
}

// Values that were harmful somewhere, or might be.
const std::vector<Json>& odd_values() {
  static const std::vector<Json> list{nullptr,
                                      true,
                                      0,
                                      -1,
                                      1,
                                      1e308,
                                      -1e308,
                                      1e-320,
                                      0.1,
                                      -0.0,
                                      9007199254740993,
                                      18446744073709551615U,
                                      std::numeric_limits<std::int64_t>::min(),
                                      "",
                                      "exact",
                                      "x",
                                      "\x1b[2J\x1b]0;title\x07",
                                      "\xe2\x80\xae",
                                      "\\input{/etc/passwd}",
                                      std::string("a\0b", 3),
                                      std::string(300, 'n'),
                                      Json::array(),
                                      Json::object(),
                                      Json::array({1, 2, 3}),
                                      Json{{"name", "exact"}},
                                      Json{{"name", "process"}},
                                      Json{{"linear", {1, 3, 1}}},
                                      Json::array({Json::array({Json::array()})})};
  return list;
}

std::vector<Json::json_pointer> places_of(const Json& json) {
  std::vector<Json::json_pointer> places;
  const Json flat = json.flatten();
  for (const auto& [pointer, value] : flat.items()) {
    Json::json_pointer place(pointer);
    places.push_back(place);
    if (!place.parent_pointer().empty()) places.push_back(place.parent_pointer());
  }
  return places;
}

// One value changed, removed, doubled or given another name.
void change(Json& json, Chance& chance) {
  const auto places = places_of(json);
  if (places.empty()) return;
  const Json::json_pointer place = chance.of(places);
  if (place.empty()) return;
  Json& parent = json.at(place.parent_pointer());
  switch (chance.below(8)) {
    case 0:
      parent.is_object() ? void(parent.erase(place.back())) : parent.erase(std::stoul(place.back()));
      break;
    case 1:
      if (parent.is_object()) {
        parent["\x1b[31m" + place.back()] = json.at(place);
      } else {
        parent.push_back(json.at(place));
      }
      break;
    case 2:
      json.at(place) = json.at(chance.of(places));
      break;
    default:
      json.at(place) = chance.of(odd_values());
  }
}

// Bytes changed, cut out or inserted.
void damage(std::string& text, Chance& chance) {
  static const std::vector<std::string> pieces{"\"",   "{",        "}",    "[",     "]",
                                               ",",    ":",        "\\",   "1e999", "-",
                                               "\xff", "\xc3",     "null", "\n",    std::string(1, '\0'),
                                               "/*",   "\"n\":1,", "00",   "0.1"};
  if (text.empty()) return;
  const std::size_t at = chance.below(text.size());
  switch (chance.below(4)) {
    case 0:
      text[at] = static_cast<char>(chance.below(256));
      break;
    case 1:
      text.erase(at, 1 + chance.below(20));
      break;
    case 2:
      text.insert(at, text.substr(chance.below(text.size()), 1 + chance.below(60)));
      break;
    default:
      text.insert(at, chance.of(pieces));
  }
}

// A sentence for a terminal.
void require_sound(const std::string& sentence) {
  INFO(sentence);
  CHECK_FALSE(sentence.empty());
  CHECK(core::printable(sentence) == sentence);
  CHECK(sentence.find("json.exception") == std::string::npos);
  CHECK(sentence.size() < 4000);
}

std::vector<fs::path> committed(const char* folder, const std::string& extension) {
  std::vector<fs::path> files;
  for (const auto& entry : fs::recursive_directory_iterator(fs::path(KVFRONTIER_SOURCE_DIR) / folder))
    if (entry.path().extension() == extension) files.push_back(entry.path());
  std::sort(files.begin(), files.end());
  REQUIRE_FALSE(files.empty());
  return files;
}

}  // namespace

TEST_CASE("a config that was changed at random is sound, or refused with a sentence and its place", "[hostile]") {
  const auto configs = committed("configs", ".json");
  const Folder folder;
  Chance chance(20260101);
  int refused = 0, accepted = 0;
  const std::string file = folder / "config.json";
  for (int step = 0; step < steps(600); ++step) {
    const fs::path& original = configs[static_cast<std::size_t>(step) % configs.size()];
    if (original.filename() == "schema.json") continue;
    std::string text = read_text(original);
    if (step % 3 == 0) {
      for (std::size_t i = 0; i <= chance.below(3); ++i) damage(text, chance);
    } else {
      Json json = core::parse_json(text, "config");
      for (std::size_t i = 0; i <= chance.below(3); ++i) change(json, chance);
      text = json.dump(1, ' ', false, Json::error_handler_t::replace);
    }
    CAPTURE(step, original, text);
    std::ofstream(file, std::ios::binary) << text;
    try {
      sweep::load_plan(file);
      ++accepted;
    } catch (const core::UserError& error) {
      const std::string sentence = error.what();
      require_sound(sentence);
      CHECK(sentence.rfind(file, 0) == 0);
      ++refused;
    } catch (const std::exception& error) {
      FAIL("not a user's error: " << error.what());
    }
  }
  CHECK(refused > 200);
  CHECK(accepted > 20);
}

TEST_CASE("records that were changed at random are read, or refused with file, line or point", "[hostile]") {
  std::vector<std::vector<std::string>> stores;  // the first lines of each
  const Folder folder;
  for (const fs::path& file : committed("results/reference", ".zst")) {
    if (file.filename() != "records.jsonl.zst") continue;
    const auto store = sweep::read_store(file.parent_path(), [](const std::string& text) { FAIL(text); });
    std::vector<std::string> lines;
    for (const auto& [id, point] : store.points) {
      const auto records = point.all();
      for (std::size_t i = 0; i < std::min<std::size_t>(records.size(), 2); ++i)
        lines.push_back(sweep::sealed_line(records[i].to_json()));
      if (lines.size() >= 6) break;
    }
    stores.push_back(lines);
  }
  const std::string out = folder / "store", records = out + "/records.jsonl";
  fs::create_directory(out);
  const std::vector<std::vector<std::string>> verbs{{"table", out},
                                                    {"table", out, "--format", "csv"},
                                                    {"table", out, "--format", "latex"},
                                                    {"audit", out},
                                                    {"frontier", out, "--pairs"},
                                                    {"fit", out},
                                                    {"gap", out},
                                                    {"verify", "--from", out},
                                                    {"merge", out, "--out", folder / "union"},
                                                    {"report", out, "--out", folder / "page.html"}};
  Chance chance(20260102);
  int answered = 0, refused = 0;
  for (int step = 0; step < steps(240); ++step) {
    auto lines = stores[static_cast<std::size_t>(step) % stores.size()];
    std::string& line = lines[chance.below(lines.size())];
    const int kind = step % 4;
    if (kind == 0) {
      damage(line, chance);  // and its checksum is wrong
    } else {
      Json json = Json::parse(line);
      for (std::size_t i = 0; i <= chance.below(2); ++i) change(json, chance);
      // As somebody would who wants it to be believed.
      if (json.is_object() && json.contains("parameters") && kind != 1)
        json["point"] =
            sweep::point_id(Json::parse(json["parameters"].dump(-1, ' ', false, Json::error_handler_t::replace)));
      if (!json.is_object()) continue;
      line = sweep::sealed_line(Json::parse(json.dump(-1, ' ', false, Json::error_handler_t::replace)));
    }
    std::string text;
    for (const std::string& one : lines) text += one;
    std::ofstream(records, std::ios::binary) << text;
    const auto& words = verbs[chance.below(verbs.size())];
    const Finished finished = kvfrontier(words);
    std::string shown;
    for (const auto& word : words) shown += word + " ";
    CAPTURE(step, shown, line, finished.out.substr(0, 2000), finished.err);
    CHECK(finished.code >= 0);
    CHECK(finished.code <= 3);
    for (const std::string& said : lines_of(finished.err)) require_sound(said);
    for (const std::string& said : lines_of(finished.out)) CHECK(core::printable(said) == said);
    if (finished.err.find("without the page") != std::string::npos) continue;  // report, where there was no npm
    if (finished.code == 2 || (finished.code == 3 && finished.out.empty())) {
      ++refused;
      const bool placed = finished.err.find("records.jsonl:") != std::string::npos ||
                          finished.err.find("point ") != std::string::npos ||
                          finished.err.find(out) != std::string::npos;
      CHECK(placed);
    } else {
      ++answered;
    }
  }
  CHECK(refused > 60);
  CHECK(answered > 30);
}

}  // namespace kvfrontier::end_to_end::hostile
