// What the tutorials show is what the tree holds: their code, block by block, and the output of their programs.

#include "../support/catch.hpp"
#include "cli/report_page.hpp"
#include "process.hpp"

namespace kvfrontier::end_to_end::tutorials {
namespace {

const fs::path root = KVFRONTIER_SOURCE_DIR;

// A document's fenced blocks that follow the comment `<!-- mark -->`, joined; without blank lines, which the prose
// between them takes the place of.
std::vector<std::string> code_lines(const fs::path& document, const std::string& mark) {
  std::vector<std::string> code;
  bool marked = false, inside = false;
  for (const std::string& line : lines_of(read_text(document))) {
    const bool fence = line.rfind("```", 0) == 0;
    if (inside && !fence && !line.empty()) code.push_back(line);
    if (fence) inside = !inside && marked;
    marked = line == "<!-- " + mark + " -->";
  }
  return code;
}

// The lines of the ```console block that begins with `$ command`, without the command.
std::vector<std::string> console_lines(const fs::path& document, const std::string& command) {
  std::vector<std::string> lines;
  bool inside = false;
  for (const std::string& line : lines_of(read_text(document))) {
    if (inside && (line.rfind("```", 0) == 0 || line.rfind("$ ", 0) == 0)) return lines;
    if (inside) lines.push_back(line);
    if (line == "$ " + command) inside = true;
  }
  return lines;
}

std::vector<std::string> without_blanks(std::vector<std::string> lines) {
  lines.erase(std::remove(lines.begin(), lines.end(), ""), lines.end());
  return lines;
}

}  // namespace

TEST_CASE("the code of the tutorials is the code that is built", "[end_to_end][tutorials]") {
  const fs::path external = "experiments/external_scheme/cpp", own = "tests/tutorials";
  for (const auto& [document, file] : {std::pair{"docs/tutorial_scheme.md", external / "CMakeLists.txt"},
                                       {"docs/tutorial_scheme.md", external / "main.cpp"},
                                       {"docs/tutorial_scheme.md", external / "sign.cpp"},
                                       {"docs/tutorial_scheme.md", external / "compare.json"},
                                       {"docs/tutorial_experiment.md", own / "own_share.cpp"},
                                       {"docs/tutorial_game.md", own / "game.cpp"}}) {
    CAPTURE(document, file.string());
    const auto shown = code_lines(root / document, file.filename());
    CHECK(shown.size() > 3);
    CHECK(shown == without_blanks(lines_of(read_text(root / file))));
  }
}

TEST_CASE("the game of the tutorial prints what it says", "[end_to_end][tutorials]") {
  const Finished game = Running({KVFRONTIER_GAME_BINARY}).wait();
  CHECK(game.code == 0);
  CHECK(lines_of(game.out) == console_lines(root / "docs/tutorial_game.md", "./game"));
}

TEST_CASE("the claim of the tutorial holds", "[end_to_end][tutorials]") {
  const Folder folder;
  const Finished verify =
      Running({KVFRONTIER_CLAIM_BINARY, "verify", "--only", "own_share", "--out", folder / "records"}).wait();
  INFO(verify.err);
  CHECK(verify.code == 0);
  CHECK(lines_of(verify.out) ==
        console_lines(root / "docs/tutorial_experiment.md", "./own_share verify --only own_share --out records"));
}

TEST_CASE("a metric in one file is in records, tables, csv, report and docs", "[end_to_end][tutorials]") {
  const Folder folder;
  const std::string config = folder.write("one.json", std::string(R"({"experiment": "index_frontier",
    "grid": {"n": 4, "d": 16, "scheme": "exact"}, "queries": 8, "stop": {"min_trials": 2, "max_trials": 2}})"));
  const std::string out = folder / "records", name = "largest_distance";
  const auto run = [&](std::vector<std::string> words) {
    words.insert(words.begin(), KVFRONTIER_METRIC_BINARY);
    const Finished finished = Running(words).wait();
    INFO(finished.err);
    REQUIRE(finished.code == 0);
    return finished.out;
  };
  run({"run", config, "--out", out, "--quiet"});
  const Json record = Json::parse(lines_of(read_text(fs::path(out) / "records.jsonl")).at(0));
  const double measured = record.at("data").at("metrics").at(name).at("mean");
  CHECK(measured > 0);
  CHECK(measured < 0.5);
  const auto csv = lines_of(run({"table", out, "--format", "csv"}));
  for (const char* column : {"", "_lo", "_hi"}) CHECK_THAT(csv.at(0), Contains("," + name + column + ","));
  CHECK(Json::parse(run({"table", out, "--format", "json"})).at(0).at(name) > 0);
  for (const char* format : {"text", "latex"}) {
    const std::string table = run({"table", out, "--format", format, "--metric", name});
    char mean[32];
    std::snprintf(mean, sizeof(mean), "%.5g",
                  Json::parse(run({"table", out, "--format", "json"})).at(0).at(name).get<double>());
    CHECK_THAT(table, Contains(std::string(format) == "text" ? name : "largest\\_distance") && Contains(mean));
  }
  CHECK(Running({KVFRONTIER_METRIC_BINARY, "table", out, "--metric", "largest_distanse"}).wait().code == 2);
  CHECK_THAT(run({"list", "metrics"}), Contains(name));
  CHECK_THAT(run({"list", "fields", "--markdown"}), Contains("| `" + name + "` | levels | lower | 1.0 |"));
  CHECK_THAT(run({"audit", out}), Contains("0 findings"));
  // The page holds the columns of the table, or this build says that it has none.
  const std::string page = folder / "page.html";
  const Finished report = Running({KVFRONTIER_METRIC_BINARY, "report", out, "--out", page}).wait();
  if (cli::report_page().find(cli::report_data_mark) == std::string_view::npos) {
    CHECK(report.code == 2);
    CHECK_THAT(report.err, Contains("npm"));
    return;
  }
  CHECK(report.code == 0);
  const std::string text = read_text(page), start = "id=\"data\">";
  const std::size_t from = text.find(start) + start.size();
  const Json data = Json::parse(text.substr(from, text.find("</script>", from) - from));
  const Json value = Json::parse(run({"table", out, "--format", "json"})).at(0).at(name);
  int columns = 0;
  for (const Json& column : data.at("points").at("columns")) {
    if (column.at("name") != name) continue;
    ++columns;
    CHECK((column.contains("each") ? column.at("each").at(0)
                                   : column.at("of").at(column.at("at").at(0).get<std::size_t>())) == value);
  }
  CHECK(columns == 1);
}

TEST_CASE("the tutorial's scheme is where its table says", "[end_to_end][tutorials]") {
  const Folder folder;
  const std::string config = (root / "experiments/external_scheme/cpp/compare.json").string();
  const fs::path document = root / "docs/tutorial_scheme.md";
  const Finished run = Running({KVFRONTIER_SIGN_BINARY, "run", config, "--out", folder / "records", "--quiet"}).wait();
  INFO(run.err);
  REQUIRE(run.code == 0);
  const Finished table = Running({KVFRONTIER_SIGN_BINARY, "table", folder / "records"}).wait();
  CHECK(lines_of(table.out) == console_lines(document, "build/kvfrontier-sign table results"));
}

}  // namespace kvfrontier::end_to_end::tutorials
