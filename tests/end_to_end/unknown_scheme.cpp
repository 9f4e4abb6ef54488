// Records of schemes that this program does not have: every verb that reads records gives the numbers that it gives for
// schemes it knows, and only the names differ.

#include <fstream>

#include "../support/catch.hpp"
#include "cli/report_page.hpp"
#include "process.hpp"
#include "sweep/record.hpp"
#include "sweep/record_line.hpp"

namespace kvfrontier::end_to_end::unknown_scheme {
namespace {

// The names of schemes that nobody has: as long as those of the schemes they replace, and in the same order.
const std::map<std::string, std::string> strangers{{"bitpack", "bitpacq"}, {"ecsq", "ecsr"},
                                                   {"exact", "exacu"},     {"kivi", "kivj"},
                                                   {"uniform", "uniforn"}, {"loma_lossless", "loma_losslest"}};

// Least memory, whose searches give fit and gap something to say, and points of every kind: paired, infeasible, of
// self-delimiting messages, of real values.
const char* const search_text = R"({"experiment": "minimal_memory", "seed": 77, "target_error": 0.1,
  "grid": {"n": [4, 8], "d": [16, 32], "scheme": ["bitpack", "exact", {"name": "uniform", "keys": "public"},
                                                  {"name": "kivi", "keys": "public", "rotation": "public"}]},
  "queries": 48, "stop": {"min_trials": 4, "max_trials": 8}})";
const char* const sweep_text = R"({"experiment": "index_frontier", "seed": 77, "grid": [
    {"n": 8, "d": 16, "rate": [0.05, 2],
     "scheme": ["bitpack", {"name": "uniform", "keys": "public"}, {"name": "kivi", "keys": "public"}]},
    {"n": 8, "d": 16, "scheme": "loma_lossless"},
    {"n": 8, "d": 16, "instance": "gaussian_values", "rate": 2, "scheme": "ecsq"}],
  "queries": 48, "stop": {"max_trials": 4}})";

// What becomes of a scheme's name, its version and the label in its records.
enum class Change { name, name_and_label, version };

// What a verb says of a store.
std::string said(std::vector<std::string> words, const std::string& directory) {
  words.insert(words.begin() + 1, directory);
  const Finished finished = kvfrontier(words);
  INFO(finished.err);
  CHECK(finished.code == 0);
  CHECK(finished.err.empty());
  return finished.out;
}

// A store of schemes that this program knows.
struct Known {
  Known() {
    for (const auto& [name, text] : {std::pair{"search.json", search_text}, {"sweep.json", sweep_text}}) {
      const Finished run = kvfrontier({"run", folder.write(name, std::string(text)), "--out", out, "--quiet"});
      INFO(run.err);
      REQUIRE(run.code == 0);
    }
  }
  const std::string& says(const std::vector<std::string>& words) {
    const auto [text, fresh] = sayings.try_emplace(words);
    if (fresh) text->second = said(words, out);
    return text->second;
  }

  Folder folder;
  std::string out = folder / "known";
  std::map<std::vector<std::string>, std::string> sayings;
};

// The same store as a program with other schemes would have written it.
struct Stranger {
  Stranger(const Known& known, Change change) : out(known.folder / "other") {
    remember(out, known.out);
    fs::remove_all(out);
    fs::create_directory(out);
    std::ofstream records(out + "/records.jsonl"), stops(out + "/stops.jsonl");
    std::map<std::string, std::string> ids;
    for (Json record : records_of(known.out)) {
      alter(record, change);
      const std::string id = sweep::point_id(record.at("parameters"));
      ids[record.at("point")] = id;
      remember(id, record.at("point"));
      record["point"] = id;
      records << sweep::sealed_line(record);
    }
    for (auto& [point, stop] : last_stops(known.out)) {
      stop["point"] = ids.at(point);
      stops << sweep::sealed_line(stop);
    }
    fs::copy(known.out + "/sessions.jsonl", out + "/sessions.jsonl");
  }

  void alter(Json& record, Change change) {
    Json& scheme = record["parameters"]["scheme"];
    if (change == Change::version) {
      const int version = scheme.at("version"), later = version + 987654000;
      scheme["version"] = later;
      remember(std::to_string(later), std::to_string(version));
      return;
    }
    const std::string name = scheme.at("name"), stranger = strangers.at(name);
    scheme["name"] = stranger;
    remember(stranger, name);
    const std::string label = record.at("data").at("label");
    REQUIRE(label.rfind(name, 0) == 0);
    if (change == Change::name_and_label) record["data"]["label"] = stranger + label.substr(name.size());
  }

  // LaTeX writes an underscore in its own way.
  void remember(const std::string& here, const std::string& there) {
    const auto in_latex = [](const std::string& text) {
      std::string escaped;
      for (const char c : text) escaped += c == '_' ? "\\_" : std::string(1, c);
      return escaped;
    };
    back[here] = there;
    back[in_latex(here)] = in_latex(there);
  }

  // `text` with the names, ids and paths of the known store.
  std::string translated(std::string text) const {
    for (const auto& [from, to] : back) {
      for (auto place = text.find(from); place != std::string::npos; place = text.find(from, place + to.size()))
        text.replace(place, from.size(), to);
    }
    return text;
  }
  std::string says(const std::vector<std::string>& words) const { return translated(said(words, out)); }

  std::string out;
  std::map<std::string, std::string> back;  // from what this store says to what the known one says
};

// The least memory at every size, by scheme.
Json least_memory(const std::string& laws) {
  Json list = Json::array();
  for (Json& law : Json::parse(laws)) {
    for (Json& size : law.at("sizes")) size.erase("residual");
    list.push_back({law.at("family"), law.at("curve"), law.at("unreached"), law.at("sizes")});
  }
  return list;
}

}  // namespace

TEST_CASE("records of unknown schemes and versions are tabled, fitted and audited like all others", "[end_to_end]") {
  Known known;
  const std::vector<std::vector<std::string>> verbs{{"table"},
                                                    {"table", "--format", "csv"},
                                                    {"table", "--format", "json"},
                                                    {"table", "--format", "latex"},
                                                    {"frontier", "--pairs", "--target-error", "0.2"},
                                                    {"gap"},
                                                    {"gap", "--target-error", "0.1", "--json"},
                                                    {"audit"}};
  const std::vector<std::vector<std::string>> fits{{"fit", "--target-error", "0.1"},
                                                   {"fit", "--target-error", "0.1", "--over-floor"},
                                                   {"fit", "--target-error", "0.1", "--json"}};
  const auto report = [&](const std::string& directory) {
    const std::string page = known.folder / "report.html";
    const Finished finished = kvfrontier({"report", directory, "--out", page});
    INFO(finished.err);
    REQUIRE(finished.code == 0);
    return read_text(page);
  };
  const bool bundled = cli::report_page().find(cli::report_data_mark) != std::string_view::npos;  // built with npm
  const std::string known_page = bundled ? report(known.out) : "";
  for (const Change change : {Change::name, Change::name_and_label, Change::version}) {
    CAPTURE(change);
    const Stranger stranger(known, change);
    // The program really does not know them.
    const std::string point = records_of(stranger.out).front().at("point");
    const Finished replay = kvfrontier({"replay", stranger.out, "--point", point, "--trial", "0"});
    CHECK(replay.code == 2);
    CHECK_THAT(replay.err,
               change == Change::version ? Contains("was measured with version 987654") : Contains("found \""));

    for (const auto& words : verbs) {
      CAPTURE(words);
      CHECK(lines_of(known.says(words)).size() > 0);
      CHECK(stranger.says(words) == known.says(words));
    }
    if (change == Change::name_and_label) {
      // Another label is another bootstrap; the least memory is the same.
      const Json least = least_memory(known.says(fits.back()));
      CHECK(least.size() >= 5);
      CHECK(least_memory(stranger.says(fits.back())) == least);
    } else {
      for (const auto& words : fits) {
        CAPTURE(words);
        CHECK(stranger.says(words) == known.says(words));
      }
    }
    if (!bundled) continue;
    const bool same_page = stranger.translated(report(stranger.out)) == known_page;
    CHECK(same_page);
  }
}

TEST_CASE("a table of unknown schemes says what its records say", "[end_to_end]") {
  const Known known;
  const Stranger stranger(known, Change::name_and_label);
  bool entropy = false, infeasible = false, real = false;
  for (const auto& line : table_of(stranger.out)) {
    INFO(line.at("scheme") << " at rate " << line.at("rate_budget"));
    const auto known = std::find_if(strangers.begin(), strangers.end(),
                                    [&](const auto& pair) { return pair.second == line.at("scheme"); });
    CHECK(known != strangers.end());
    CHECK(line.at("label").rfind(line.at("scheme"), 0) == 0);
    const bool stored = line.at("stored_keys") == "true", chosen = Json::parse(line.at("options")).contains("keys");
    CHECK(line.at("keys") == (stored ? "stored" : chosen ? "public" : "none"));
    entropy = entropy || (line.at("floor_kind") == "entropy" && !line.at("gap").empty());
    infeasible = infeasible || (line.at("status") == "infeasible" && !line.at("least_rate").empty());
    real = real || (line.at("value_bits") == "0" && line.at("error").empty() && !line.at("mse_floor").empty());
  }
  CHECK(entropy);
  CHECK(infeasible);
  CHECK(real);
  // Without any option to tell where keys are, the records do.
  CHECK_THAT(kvfrontier({"table", stranger.out}).out, Contains("the message pays for stored keys"));
}

}  // namespace kvfrontier::end_to_end::unknown_scheme
