// kvfrontier report: the page holds the numbers of table and verify, and every mistake is a sentence. What the page
// does in a browser is tested in tests/browser.

#include "../support/catch.hpp"
#include "cli/report_page.hpp"
#include "made_up.hpp"
#include "process.hpp"
#include "sweep/record_line.hpp"

namespace kvfrontier::end_to_end::report {
namespace {

const bool bundled = cli::report_page().find(cli::report_data_mark) != std::string_view::npos;

std::string write_records(const Folder& folder, const std::string& name, const std::string& grid,
                          double error = 0.125) {
  std::string text;
  for (const auto& parameters : resolved(grid)) {
    for (std::int64_t trial = 0; trial < 8; ++trial)
      text += sweep::sealed_line(made_up_record(parameters, trial, 500, error).to_json());
  }
  folder.write(name + "/records.jsonl", text);
  return folder / name;
}

Json data_of(const std::string& file) {
  const std::string page = read_text(file), start = "id=\"data\">";
  const std::size_t from = page.find(start) + start.size();
  return Json::parse(page.substr(from, page.find("</script>", from) - from));
}

// The values of a column, point by point.
std::vector<Json> column(const Json& data, const std::string& name) {
  std::vector<Json> values;
  for (const Json& candidate : data.at("points").at("columns")) {
    if (candidate.at("name") != name) continue;
    if (candidate.contains("each")) return candidate.at("each");
    for (const Json& place : candidate.at("at")) values.push_back(candidate.at("of").at(place.get<std::size_t>()));
  }
  return values;
}

void require_sentence(const Finished& finished, const std::vector<std::string>& says, int code = 2) {
  INFO("stderr: " << finished.err);
  CHECK(finished.code == code);
  CHECK(finished.out.empty());
  REQUIRE(lines_of(finished.err).size() == 1);
  CHECK(finished.err.rfind("kvfrontier: ", 0) == 0);
  for (const auto& part : says) CHECK_THAT(finished.err, Contains(part));
}

}  // namespace

TEST_CASE("mistakes of report are sentences, and nothing is written", "[end_to_end]") {
  const Folder folder;
  const std::string records =
      write_records(folder, "records", R"({"n": 8, "d": 16, "rate": [1, 2], "scheme": "bitpack"})");
  const std::string empty = folder / "empty", page = folder / "report.html";
  fs::create_directory(empty);
  require_sentence(kvfrontier({"report"}), {"report: DIR is missing"});
  require_sentence(kvfrontier({"report", folder / "none", "--out", page}), {folder / "none", "no such directory"});
  require_sentence(kvfrontier({"report", records, folder / "none", "--out", page}), {"no such directory"});
  require_sentence(kvfrontier({"report", empty, "--out", page}), {empty, "no records here", "kvfrontier run"});
  require_sentence(kvfrontier({"report", records, "--oot", page}), {"--oot", "did you mean --out?"});
  if (bundled) {
    require_sentence(kvfrontier({"report", records, "--out", folder / "none/report.html"}),
                     {"cannot write " + (folder / "none/report.html"), "No such file or directory"});
    require_sentence(kvfrontier({"report", records, "--out", empty}), {"cannot write " + empty, "Is a directory"});
    Surroundings full;
    full.file_bytes = 4096;
    require_sentence(kvfrontier({"report", records, "--out", page}, full), {"cannot write " + page}, 4);
  } else {
    require_sentence(kvfrontier({"report", records, "--out", page}), {"report: ", "npm", "build"});
  }
  CHECK_FALSE(fs::exists(page));
  CHECK_FALSE(fs::exists(page + ".tmp"));
}

TEST_CASE("the page holds every point of its directories as the table has it", "[end_to_end]") {
  if (!bundled) return;  // built without npm
  const Folder folder;
  write_records(folder, "sweeps/a", R"({"n": 8, "d": 16, "rate": [1, 2], "scheme": ["bitpack", "uniform"]})");
  write_records(folder, "sweeps/b", R"({"n": 4, "d": 16, "rate": 2, "scheme": "bitpack"})", 0);
  const std::string page = folder / "report.html";
  const Finished finished = kvfrontier({"report", folder / "sweeps", "--out", page});
  INFO(finished.err);
  REQUIRE(finished.code == 0);
  CHECK_THAT(finished.err, Contains("40 records, 5 points"));

  const Json data = data_of(page);
  CHECK(data.at("directories") == Json({folder / "sweeps/a", folder / "sweeps/b"}));
  auto lines = table_of(folder / "sweeps/a");
  for (const auto& line : table_of(folder / "sweeps/b")) lines.push_back(line);
  const auto points = column(data, "point");
  REQUIRE(points.size() == lines.size());
  for (const auto& line : lines) {
    const auto place = std::find(points.begin(), points.end(), line.at("point")) - points.begin();
    REQUIRE(place < std::ssize(points));
    for (const auto& [name, text] : line) {
      if (name.rfind("param.", 0) == 0) continue;  // the page shows parameters under their own names
      INFO(name);
      const Json value = column(data, name).at(place);
      CHECK((value.is_null() ? "" : value.is_string() ? value.get<std::string>() : value.dump()) == text);
    }
    CHECK(column(data, "directory").at(place) == folder / (line.at("n") == "8" ? "sweeps/a" : "sweeps/b"));
    CHECK(column(data, "queries").at(place) == 256);
  }
  // Floors of both sizes, from 1/2 down to 0.
  REQUIRE(data.at("floors").size() == 2);
  for (const Json& floor : data.at("floors")) {
    CHECK(floor.at("finite").front() == 0.5);
    CHECK(floor.at("finite").back() == 0);
    CHECK(floor.at("bits").back() == floor.at("information_bits"));
  }
  // The same records, the same page.
  const std::string before = read_text(page);
  REQUIRE(kvfrontier({"report", folder / "sweeps", "--out", page}).code == 0);
  CHECK(read_text(page) == before);
}

TEST_CASE("the page has the verdicts of verify", "[end_to_end]") {
  if (!bundled) return;
  const Folder folder;
  const std::string claim = "nonadaptive_probes", records = folder / "records", page = folder / "report.html";
  REQUIRE(kvfrontier({"verify", "--only", claim, "--out", records, "--quiet"}).code == 0);
  Json expected = Json::parse(kvfrontier({"verify", "--only", claim, "--from", records, "--json"}).out).at(0);
  REQUIRE(kvfrontier({"report", records, "--out", page}).code == 0);
  const Json data = data_of(page);
  REQUIRE(data.at("claims").at("judged").size() == 1);
  Json judged = data.at("claims").at("judged").at(0);
  CHECK(judged.at("size") == "quick");
  CHECK(judged.at("seed") == 1);
  for (const char* key : {"size", "seed"}) judged.erase(key);
  CHECK(judged == expected);
  CHECK(data.at("claims").at("unmeasured").size() > 20);
  CHECK(data.at("points").at("count") == 0);
  REQUIRE(data.at("sessions").size() == 1);
  CHECK(data.at("sessions").at(0).at("records") == data.at("records"));
}

}  // namespace kvfrontier::end_to_end::report
