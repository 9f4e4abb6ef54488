// The folders are in order of dependence: includes point only to the left. Read off the #include lines of the tree itself.

#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>
#include <regex>
#include <set>
#include <string>
#include <vector>

#include "support/catch.hpp"

namespace {

namespace fs = std::filesystem;

const fs::path root = KVFRONTIER_SOURCE_DIR;

// From left to right.
const std::vector<std::string> order{"core",      "theory",    "attention", "geometry", "schemes",
                                     "reduction", "simulator", "sweep",     "analysis", "cli"};

// Whether a file of folder `from` may include one of folder `to`.
bool may_include(const std::string& from, const std::string& to) {
  const auto place = [](const std::string& folder) {
    return std::find(order.begin(), order.end(), folder) - order.begin();
  };
  if (to == from) return true;
  // What a decoder runs on and what only Alice knows do not see each other.
  if (from == "reduction" && to == "schemes") return false;
  if (from == "experiments") return to != "cli" && place(to) < place("cli");
  return place(to) < place(from);
}

struct Include {
  fs::path file;
  int line;
  std::string from, target;
};

// The quoted includes below `folder` (src/core, experiments, ...), each with the name of its folder.
std::vector<Include> includes_below(const fs::path& folder, const std::string& name) {
  static const std::regex quoted(R"re(^\s*#\s*include\s*"([^"]+)")re");
  std::vector<Include> list;
  for (const auto& entry : fs::recursive_directory_iterator(folder)) {
    const std::string extension = entry.path().extension();
    if (extension != ".cpp" && extension != ".hpp" && extension != ".in") continue;
    std::ifstream stream(entry.path());
    std::string text;
    for (int line = 1; std::getline(stream, text); ++line) {
      std::smatch match;
      if (std::regex_search(text, match, quoted))
        list.push_back({fs::relative(entry.path(), root), line, name, match[1]});
    }
  }
  return list;
}

std::vector<std::string> folders_of(const fs::path& directory) {
  std::vector<std::string> list;
  for (const auto& entry : fs::directory_iterator(directory)) {
    if (entry.is_directory()) list.push_back(entry.path().filename());
  }
  std::sort(list.begin(), list.end());
  return list;
}

}  // namespace

TEST_CASE("the order of the folders is the one that is documented", "[architecture]") {
  CHECK(may_include("sweep", "core"));
  CHECK(may_include("simulator", "schemes"));
  CHECK(may_include("experiments", "analysis"));
  CHECK(may_include("core", "core"));
  CHECK_FALSE(may_include("core", "sweep"));
  CHECK_FALSE(may_include("schemes", "reduction"));
  CHECK_FALSE(may_include("reduction", "schemes"));
  CHECK_FALSE(may_include("experiments", "cli"));
  CHECK_FALSE(may_include("theory", "attention"));
  // A folder that the order does not know would never be checked.
  std::set<std::string> known(order.begin(), order.end());
  known.insert("report");  // the sources of a page: no C++ that could include anything
  for (const std::string& folder : folders_of(root / "src")) CHECK(known.erase(folder) == 1);
  CHECK(known.empty());
  CHECK(includes_below(root / "src" / "report", "report").empty());
}

TEST_CASE("includes point only to the left", "[architecture]") {
  std::vector<Include> all;
  for (const std::string& folder : order) {
    for (auto& include : includes_below(root / "src" / folder, folder)) all.push_back(include);
  }
  for (auto& include : includes_below(root / "experiments", "experiments")) all.push_back(include);
  CHECK(all.size() > 150);
  for (const Include& include : all) {
    CAPTURE(include.file.string(), include.line, include.target);
    if (include.target == "build_info.hpp") continue;  // written at build time from src/sweep/build_info.hpp.in
    // Always by folder, so that this test can tell which folder a file is in; an experiment may name a header beside it.
    const std::size_t slash = include.target.find('/');
    if (include.from == "experiments" && slash == std::string::npos) {
      CHECK(fs::exists(root / include.file.parent_path() / include.target));
      continue;
    }
    REQUIRE(slash != std::string::npos);
    CHECK(may_include(include.from, include.target.substr(0, slash)));
    CHECK(fs::exists(root / "src" / include.target));
  }
}

// Independent of the order above: no two folders include each other, directly or around a corner.
TEST_CASE("no folder reaches itself through others", "[architecture]") {
  std::map<std::string, std::set<std::string>> reached;
  for (const std::string& folder : order) {
    for (const Include& include : includes_below(root / "src" / folder, folder)) {
      const std::string target = include.target.substr(0, include.target.find('/'));
      if (target != folder && target != "build_info.hpp") reached[folder].insert(target);
    }
  }
  for (std::size_t round = 0; round < order.size(); ++round) {
    for (auto& [folder, targets] : reached) {
      const auto direct = targets;
      for (const std::string& target : direct) targets.insert(reached[target].begin(), reached[target].end());
    }
  }
  for (const auto& [folder, targets] : reached) {
    CAPTURE(folder);
    CHECK(targets.count(folder) == 0);
  }
}

TEST_CASE("every folder says what lives in it", "[architecture]") {
  std::vector<fs::path> folders;
  for (const std::string& folder : order) folders.push_back(fs::path("src") / folder);
  for (const char* folder :
       {"src/report", "experiments", "experiments/claims", "experiments/sweeps", "configs", "tests", "tests/browser"})
    folders.emplace_back(folder);
  if (fs::exists(root / "results")) folders.emplace_back("results");
  for (const fs::path& folder : folders) {
    CAPTURE(folder.string());
    const fs::path readme = root / folder / "README.md";
    CHECK(fs::exists(readme));
    if (!fs::exists(readme)) continue;
    std::ifstream stream(readme);
    std::string title;
    std::getline(stream, title);
    CHECK(title.rfind("# " + folder.filename().string(), 0) == 0);
    // Files that a README lists are there.
    static const std::regex listed(R"re(`([a-z_/]+\.(hpp|cpp|py))`)re");
    std::string line;
    while (std::getline(stream, line)) {
      for (std::sregex_iterator match(line.begin(), line.end(), listed), end; match != end; ++match) {
        const std::string name = (*match)[1];
        CAPTURE(name);
        CHECK((fs::exists(root / folder / name) || fs::exists(root / "src" / name) || fs::exists(root / name)));
      }
    }
  }
}

TEST_CASE("a folder of few files names each of them", "[architecture]") {
  for (const char* folder : {"core", "theory", "attention", "geometry", "simulator", "sweep", "analysis"}) {
    std::ifstream stream(root / "src" / folder / "README.md");
    const std::string text{std::istreambuf_iterator<char>(stream), {}};
    for (const auto& entry : fs::directory_iterator(root / "src" / folder)) {
      const std::string extension = entry.path().extension(), stem = entry.path().stem();
      if (extension != ".cpp" && extension != ".hpp") continue;
      CAPTURE(folder, stem);
      CHECK((text.find("`" + stem + "`") != std::string::npos || text.find("`" + stem + ".hpp`") != std::string::npos));
    }
  }
}
