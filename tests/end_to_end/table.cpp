// Tables and frontiers: the contracted columns, every format, and numbers checked by hand.

#include <set>
#include <sstream>

#include "../support/catch.hpp"
#include "analysis/columns.hpp"
#include "analysis/frontier.hpp"
#include "core/text.hpp"
#include "made_up.hpp"
#include "process.hpp"
#include "sweep/record_line.hpp"

namespace kvfrontier::end_to_end::table {
namespace {

sweep::Store store_of(const std::vector<sweep::Record>& records) {
  sweep::Store store;
  for (const auto& record : records) store.add(record);
  return store;
}

std::string write_records(const Folder& folder, const std::vector<sweep::Record>& records) {
  std::string text;
  for (const auto& record : records) text += sweep::sealed_line(record.to_json());
  folder.write("records.jsonl", text);
  return folder.path().string();
}

// The names of a csv's columns, in order.
std::vector<std::string> columns_of(const std::string& csv) {
  std::vector<std::string> names;
  std::istringstream line(lines_of(csv).at(0));
  for (std::string name; std::getline(line, name, ',');) names.push_back(name);
  return names;
}

// Every value of the parameters that is no object, by its dotted path.
void collect(const Json& json, const std::string& path, std::map<std::string, std::string>& leaves) {
  if (!json.is_object()) {
    leaves[path] = json.is_null() ? "" : json.is_string() ? json.get<std::string>() : json.dump();
    return;
  }
  for (const auto& [name, value] : json.items()) collect(value, path + "." + name, leaves);
}

}  // namespace

// 424 tokens of width 64 with one bit an entry: 27136 bits a head, and VAR-d16 has 16 x 16 heads.
TEST_CASE("a model scales a head by layers and heads, where its shape is", "[end_to_end]") {
  const Folder folder;
  const std::string out = folder / "out";
  const std::string config = folder.write("config.json", std::string(R"({"experiment": "index_frontier", "grid": [
    {"schedule": "var256", "d": 64, "rate": 1, "scheme": "bitpack"}, {"n": 8, "d": 64, "rate": 1, "scheme": "bitpack"}],
    "queries": 4, "stop": {"max_trials": 1}})"));
  REQUIRE(kvfrontier({"run", config, "--out", out, "--quiet"}).code == 0);
  const Json lines = Json::parse(kvfrontier({"table", out, "--format", "json", "--model", "var-d16"}).out);
  REQUIRE(lines.size() == 2);
  for (const Json& line : lines) {
    if (line.at("n") == 8) {
      CHECK(line.at("model_mib").is_null());
    } else {
      CHECK(line.at("model_mib").get<double>() == Approx(27136.0 * 256 / 8 / 1048576));
    }
  }
  const auto names = columns_of(kvfrontier({"table", out, "--format", "csv", "--model", "var-d16"}).out);
  const auto mib = std::find(names.begin(), names.end(), "model_mib");
  REQUIRE(mib != names.end());
  REQUIRE(mib + 1 != names.end());
  CHECK((mib + 1)->rfind("param.", 0) == 0);  // parameters come last
  CHECK_THAT(kvfrontier({"table", out, "--model", "var-d16"}).out,
             Contains("0.8281") && Contains("16 layers x 16 heads"));
  CHECK_THAT(kvfrontier({"table", out, "--format", "latex", "--model", "var-d16"}).out, Contains("MiB & error"));
  const Finished other = kvfrontier({"table", out, "--model", "infinity-2b"});
  CHECK(other.code == 2);
  CHECK_THAT(other.err, Contains("no measured point of schedule infinity and d = 128"));
  // An fp16 cache of keys and values, from layers, heads, tokens and width alone.
  CHECK_THAT(kvfrontier({"floor", "--model", "infinity-8b", "--error", "0.1"}).out,
             Contains("an fp16 cache of these N tokens: 3514 MiB"));
}

TEST_CASE("a csv begins with the contracted columns and ends with the parameters", "[end_to_end]") {
  const Folder folder;
  const std::string out = folder / "out";
  const std::string config = folder.write("config.json", std::string(R"({"experiment": "index_frontier", "seed": 3,
    "grid": [{"n": 8, "d": 16, "rate": [0.05, 1], "scheme": ["bitpack", {"name": "uniform", "keys": "public"}]},
             {"n": 8, "d": 16, "instance": {"name": "clustered", "clusters": 2}, "scheme": "exact"}],
    "queries": 16, "stop": {"max_trials": 2}})"));
  REQUIRE(kvfrontier({"run", config, "--out", out}).code == 0);
  const std::string csv = kvfrontier({"table", out, "--format", "csv"}).out;
  const auto names = columns_of(csv);
  const auto contracted = columns_of(
      "experiment,instance,embedding,n,d,tokens,tau,eta,scheme,options,rate_budget,status,trials,message_bits,"
      "peak_state_bits,error,error_lo,error_hi,mse,floor_bits,floor_kind,gap");
  REQUIRE(contracted.size() == 22);
  REQUIRE(names.size() > contracted.size());
  CHECK(std::vector<std::string>(names.begin(), names.begin() + 22) == contracted);
  CHECK(std::set<std::string>(names.begin(), names.end()).size() == names.size());
  // Those that version 0.1 had after them, and what records and metrics add.
  const auto is_parameter = [](const std::string& name) { return name.rfind("param.", 0) == 0; };
  const auto first_parameter = std::find_if(names.begin(), names.end(), is_parameter);
  const std::set<std::string> free(names.begin() + 22, first_parameter);
  std::istringstream others(R"(keys schedule rate bits_per_token mib fp16_ratio information_bits mse_floor error_theorem
    worst_decile ties relative_l2 mixture_relative_l2 random_relative_l2 uncertified failed least_rate stop seconds seed
    point label surrogates stored_keys value_bits formula_bits fixed_bits smaller_bits margin queried_rows mse_lo mse_hi
    error_theorem_lo error_theorem_hi within_eta within_eta_lo within_eta_hi)");
  for (std::string name; others >> name;) {
    INFO(name);
    CHECK(free.contains(name));
  }
  CHECK(std::all_of(first_parameter, names.end(), is_parameter));
  // The parameters are those of the records, of every point: a cell is empty where a point has no such parameter.
  std::set<std::string> paths;
  std::map<std::string, std::map<std::string, std::string>> leaves;
  for (const Json& record : records_of(out)) {
    auto& point = leaves[record.at("point")];
    collect(record.at("parameters"), "param", point);
    for (const auto& [path, value] : point) paths.insert(path);
  }
  CHECK(paths == std::set<std::string>(first_parameter, names.end()));
  for (const char* path :
       {"param.experiment", "param.seed", "param.queries", "param.chunk", "param.tau", "param.scheme.name",
        "param.scheme.version", "param.scheme.options.keys", "param.instance.name", "param.instance.options.clusters"})
    CHECK(paths.contains(path));
  const auto table = parse_csv(csv);
  REQUIRE(table.size() == 5);
  for (const auto& line : table) {
    for (const std::string& path : paths) {
      INFO(path);
      CHECK(line.at(path) == leaves.at(line.at("point"))[path]);
    }
  }
}

TEST_CASE("every format of the table holds every point", "[end_to_end]") {
  const Folder folder;
  const std::string out = folder / "out";
  const std::string config = folder.write("config.json", std::string(R"({"experiment": "index_frontier", "grid": [
    {"n": 8, "d": 16, "rate": [0.5, 1], "scheme": ["bitpack", {"name": "uniform", "keys": "public"}, {"name": "kivi", "keys": "public", "rotation": "public", "bits": 2, "group": 8}, "exact"]},
    {"n": 32, "d": 16, "embedding": "rademacher", "scheme": "exact"}], "queries": 16, "stop": {"max_trials": 4}})"));
  REQUIRE(kvfrontier({"run", config, "--out", out}).code == 0);

  const std::string csv = kvfrontier({"table", out, "--format", "csv"}).out;
  CHECK(csv.rfind("experiment,instance,embedding,n,d,tokens,tau,eta,scheme,options,rate_budget,status,trials,message_"
                  "bits,peak_state_bits,"
                  "error,error_lo,error_hi,mse,floor_bits,floor_kind,gap,",
                  0) == 0);
  const auto table = parse_csv(csv);
  REQUIRE(table.size() == 7);
  for (const auto& line : table) {
    CHECK(line.at("experiment") == "index_frontier");
    CHECK(Json::parse(line.at("options")).is_object());
    CHECK(line.at("tokens") == (line.at("n") == "8" ? "21" : "341"));
    if (line.at("status") != "ok") continue;
    const double bits = std::stod(line.at("message_bits")),
                 entries = std::stod(line.at("tokens")) * std::stod(line.at("d"));
    CHECK(std::stod(line.at("rate")) == Approx(bits / entries));
    CHECK(std::stod(line.at("bits_per_token")) == Approx(bits / std::stod(line.at("tokens"))));
    CHECK(std::stod(line.at("mib")) == Approx(bits / 8 / 1024 / 1024));
    CHECK(std::stod(line.at("fp16_ratio")) == Approx(bits / (32 * entries)));
    CHECK(std::stod(line.at("error_lo")) <= std::stod(line.at("error")));
    CHECK(std::stod(line.at("error")) <= std::stod(line.at("error_hi")));
    if (!line.at("gap").empty()) CHECK(std::stod(line.at("gap")) == Approx(bits / std::stod(line.at("floor_bits"))));
  }
  const Json json = Json::parse(kvfrontier({"table", out, "--format", "json"}).out);
  REQUIRE(json.size() == table.size());
  for (std::size_t i = 0; i < table.size(); ++i) {
    CHECK(json[i].at("point") == table[i].at("point"));
    CHECK(json[i].size() == table[i].size());
    CHECK(json[i].at("options").is_object());
  }

  const std::string text = kvfrontier({"table", out}).out;
  for (const auto& line : lines_of(text)) {
    INFO(line);
    CHECK(line.size() <= 170);
  }
  for (const char* word : {"bitpack", "uniform", "kivi", "exact", "sphere keys, doubling n = 8 (N = 21), d = 16",
                           "rademacher keys", "scheme", "interval", "gap"})
    CHECK_THAT(text, Contains(word));

  // LaTeX: as many cells in every line as columns declared, nothing unescaped.
  const std::string latex = kvfrontier({"table", out, "--format", "latex"}).out;
  CHECK(latex.rfind("\\begin{tabular}{llrrrrrr}\n\\toprule\n", 0) == 0);
  CHECK_THAT(latex, Contains("\\bottomrule\n\\end{tabular}\n"));
  int latex_lines = 0;
  for (const auto& line : lines_of(latex)) {
    INFO(line);
    for (std::size_t i = 0; i < line.size(); ++i) {
      if (line[i] == '_' || line[i] == '%' || line[i] == '#') CHECK((i > 0 && line[i - 1] == '\\'));
    }
    CHECK(std::count(line.begin(), line.end(), '$') % 2 == 0);
    if (line.find(" & ") == std::string::npos) continue;
    ++latex_lines;
    CHECK(std::count(line.begin(), line.end(), '&') == 7);
    CHECK(line.substr(line.size() - 3) == " \\\\");
  }
  CHECK(latex_lines == 8);
  CHECK_THAT(latex, Contains("[0.00000, "));
}

TEST_CASE("text from records with quotes, commas, line ends and escapes is one cell of a csv, and printable",
          "[end_to_end]") {
  const auto points = resolved(R"({"n": 8, "d": 16, "rate": [0.5, 1, 2], "scheme": "bitpack"})");
  const std::vector<std::string> labels{"bitpack \"a\", b", "bitpack a\nb", "bitpack \x1b[31m & % # \\ $ { } ^ ~"};
  std::vector<sweep::Record> records;
  for (std::size_t i = 0; i < labels.size(); ++i) {
    auto game = made_up_game(points.at(i), 100 * core::Bits(i + 1), 0.25);
    game.label = labels[i];
    for (int trial = 0; trial < 2; ++trial) records.push_back(record_of(points.at(i), trial, game));
  }
  const Folder folder;
  const std::string out = write_records(folder, records), csv = kvfrontier({"table", out, "--format", "csv"}).out;
  std::multiset<std::string> read;
  for (const auto& line : parse_csv(csv)) {
    read.insert(line.at("label"));
    CHECK(line.size() == columns_of(csv).size());
    CHECK(line.at("error") == "0.25");
  }
  std::multiset<std::string> printed;
  for (const std::string& label : labels) printed.insert(core::printable(label));
  CHECK(read == printed);
  // As RFC 4180 writes them, whoever reads them.
  CHECK_THAT(csv, Contains(",\"bitpack \"\"a\"\", b\",") && Contains(",bitpack a\\nb,"));
}

TEST_CASE("names from records are neither TeX nor commands to a terminal", "[end_to_end]") {
  const auto point = resolved(R"({"n": 8, "d": 16, "rate": 1, "scheme": "bitpack"})").at(0);
  auto points =
      analysis::summarise(store_of({made_up_record(point, 0, 100, 0.25), made_up_record(point, 1, 100, 0.25)}));
  REQUIRE(points.size() == 1);
  const std::string name = "\\input{x}\x1b[2J$&%#_^~";
  points[0].parameters.scheme.name = points[0].parameters.embedding = points[0].parameters.schedule =
      points[0].parameters.instance.name = points[0].record.label = name;
  const std::string escaped =
      "\\textbackslash{}input\\{x\\}\\textbackslash{}u001b[2J\\$\\&\\%\\#\\_\\textasciicircum{}\\textasciitilde{}";
  const std::string latex = analysis::table_latex(points);
  CHECK_THAT(latex, Contains("\n" + escaped + " & ") && !Contains("\\input"));
  for (const std::string& text : {latex, analysis::table_text(points), analysis::table_csv(points),
                                  analysis::cell_label(analysis::cell_of(points[0])), analysis::curve_of(points[0])}) {
    for (const std::string& line : lines_of(text)) CHECK(core::printable(line) == line);
  }
}

TEST_CASE("a table's numbers are those of its records", "[end_to_end]") {
  const Json half = resolved(R"({"n": 8, "d": 16, "scheme": {"name": "bitpack", "bits": 168}})", 100).at(0);
  std::vector<sweep::Record> records;
  for (const double error : {0.2, 0.3, 0.25, 0.25})
    records.push_back(made_up_record(half, std::ssize(records), 168, error));
  const Folder folder;
  const auto line = table_of(write_records(folder, records)).at(0);
  CHECK(line.at("trials") == "4");
  CHECK(std::stod(line.at("error")) == Approx(0.25));
  CHECK(std::stod(line.at("mse")) == Approx(0.25));
  CHECK(std::stod(line.at("seconds")) == Approx(2));
  CHECK(line.at("floor_kind") == "finite");
  // Student: 0.25 +- 3.182446 * 0.0408248 / 2, wider than Clopper-Pearson for 100 of 400 rows, [0.2083, 0.2954].
  CHECK(std::stod(line.at("error_lo")) == Approx(0.25 - 0.0649613).epsilon(1e-5));
  CHECK(std::stod(line.at("error_hi")) == Approx(0.25 + 0.0649613).epsilon(1e-5));
  CHECK(line.at("random_relative_l2").empty());  // a ratio without a denominator
  CHECK(line.at("mixture_relative_l2") == "0.1");
  CHECK(line.at("queried_rows") == "400");
  // Student, as it is for every metric but the bit error.
  CHECK(std::stod(line.at("mse_lo")) == Approx(0.25 - 0.0649613).epsilon(1e-5));
  CHECK(std::stod(line.at("mse_hi")) == Approx(0.25 + 0.0649613).epsilon(1e-5));
  CHECK(line.at("random_relative_l2_lo").empty());
}

TEST_CASE("one token and one bit: a ratio to exact outputs of 0 is null, in records, replays and tables",
          "[end_to_end]") {
  const Folder folder;
  const std::string out = folder / "out";
  const std::string config = folder.write("config.json", std::string(R"({"experiment": "index_frontier",
    "grid": {"n": 2, "d": 1, "scheme": [{"name": "bitpack", "bits": 0}, "exact"]}, "queries": 4, "stop": {"max_trials": 12}})"));
  REQUIRE(kvfrontier({"run", config, "--out", out}).code == 0);
  int without = 0;
  for (const Json& record : records_of(out)) {
    REQUIRE(record.at("data").at("metrics").contains("relative_l2"));
    if (!mean_of(record, "relative_l2").is_null()) continue;
    ++without;
    if (without == 1)
      CHECK(kvfrontier({"replay", out, "--point", record.at("point"), "--trial", record.at("trial").dump()}).code == 0);
  }
  CHECK(without > 0);
  for (const auto& line : table_of(out)) CHECK(line.at("relative_l2") == (line.at("scheme") == "exact" ? "0.0" : ""));
  CHECK(kvfrontier({"audit", out}).code == 0);
  CHECK(kvfrontier({"run", config, "--out", out, "--set", "stop.max_trials=16"}).code == 0);
}

TEST_CASE("the frontier keeps what no other point beats", "[end_to_end]") {
  // (bits, error): 100 at 0.2 twice, both are kept; 100 at 0.3 and 120 at 0.2 are beaten; 50 at 0.4 is kept.
  const auto points = resolved(
      R"([{"n": 8, "d": 16, "rate": [0.1, 0.2, 0.3, 0.4], "scheme": "bitpack"}, {"n": 8, "d": 16, "scheme": {"name": "bitpack", "bits": 7}}])");
  const std::vector<std::pair<core::Bits, double>> numbers{{100, 0.2}, {100, 0.3}, {120, 0.2}, {50, 0.4}, {100, 0.2}};
  std::vector<sweep::Record> records;
  for (std::size_t i = 0; i < numbers.size(); ++i) {
    for (int trial = 0; trial < 2; ++trial)
      records.push_back(made_up_record(points.at(i), trial, numbers[i].first, numbers[i].second));
  }
  // Another cell has its own frontier, however bad.
  const Json other = resolved(R"({"n": 4, "d": 16, "scheme": {"name": "bitpack", "bits": 7}})").at(0);
  for (int trial = 0; trial < 2; ++trial) records.push_back(made_up_record(other, trial, 500, 0.5));
  std::multiset<std::pair<double, double>> kept;
  for (const auto& point : analysis::undominated(analysis::summarise(store_of(records))))
    kept.emplace(point.message_bits(), point.error().mean);
  CHECK(kept == std::multiset<std::pair<double, double>>{{50, 0.4}, {100, 0.2}, {100, 0.2}, {500, 0.5}});

  const Folder folder;
  const Finished finished = kvfrontier({"frontier", write_records(folder, records), "--target-error", "0.45"});
  CHECK(finished.code == 0);
  CHECK_THAT(finished.out, Contains("undominated points") && Contains("n = 8") && Contains("n = 4"));
  const auto lines = lines_of(finished.out.substr(0, finished.out.find("\n\n")));
  // Two titles; a heading and a point; a heading and two points, of which the store holds one twice.
  CHECK(lines.size() == 7);
  const auto times = [&](const std::string& bits) {
    return std::count_if(lines.begin(), lines.end(),
                         [&](const std::string& line) { return line.find(" " + bits + " ") != std::string::npos; });
  };
  CHECK(times("100") == 1);
  CHECK(times("50") == 1);
  CHECK(times("500") == 1);
  CHECK(times("120") == 0);
}

TEST_CASE("least bits at a target error need the whole interval below it", "[end_to_end]") {
  const auto points = resolved(
      R"({"n": 8, "d": 16, "rate": [0.5, 0.75, 1], "scheme": ["bitpack", {"name": "uniform", "keys": "public", "format": "bf16"}]})");
  std::vector<sweep::Record> records;
  const auto add = [&](const Json& parameters, core::Bits bits, const std::vector<double>& errors) {
    for (std::int64_t trial = 0; trial < std::ssize(errors); ++trial)
      records.push_back(made_up_record(parameters, trial, bits, errors[trial]));
  };
  for (const Json& parameters : points) {
    const double rate = parameters.at("rate");
    const bool bitpack = parameters.at("scheme").at("name") == "bitpack";
    if (bitpack && rate == 0.5) add(parameters, 168, {0.08, 0.12, 0.09, 0.09});   // mean 0.095, interval above 0.1
    if (bitpack && rate == 0.75) add(parameters, 252, {0.05, 0.05, 0.05, 0.05});  // reaches it
    if (bitpack && rate == 1) add(parameters, 336, {0, 0, 0, 0});
    if (!bitpack && rate == 1) add(parameters, 336, {0.4, 0.4, 0.4, 0.4});
  }
  const auto least = analysis::least_bits(analysis::summarise(store_of(records)), 0.1);
  REQUIRE(least.size() == 2);
  CHECK(least[0].curve == "bitpack");
  CHECK(least[0].reached);
  CHECK(least[0].point.message_bits() == 252);
  CHECK(least[0].floor_bits == 183);  // as `kvfrontier floor --n 8 --d 16 --error 0.1` says
  CHECK(least[1].curve == "uniform format=bf16 keys=public");
  CHECK_FALSE(least[1].reached);
  const Folder folder;
  CHECK_THAT(kvfrontier({"frontier", write_records(folder, records)}).out, Contains("not reached"));
  CHECK_THAT(kvfrontier({"floor", "--n", "8", "--d", "16", "--error", "0.1"}).out, Contains("183"));
}

TEST_CASE("paired differences are those of common counted trials", "[end_to_end]") {
  const auto points =
      resolved(R"({"n": 8, "d": 16, "rate": 1, "scheme": ["bitpack", {"name": "uniform", "keys": "public"}]})");
  REQUIRE(points.size() == 2);
  const std::vector<double> a{0.10, 0.20, 0.30, 0.20, 0.9}, b{0.05, 0.25, 0.20, 0.10};
  sweep::Store store;
  for (std::int64_t trial = 0; trial < std::ssize(a); ++trial)
    store.add(made_up_record(points[0], trial, 336, a[trial]));
  for (std::int64_t trial = 0; trial < std::ssize(b); ++trial)
    store.add(made_up_record(points[1], trial, 256, b[trial]));
  auto pairs = analysis::paired_differences(store, analysis::summarise(store));
  REQUIRE(pairs.size() == 1);
  CHECK(pairs[0].curve_a == "bitpack");
  CHECK(pairs[0].trials == 4);
  // Differences 0.05, -0.05, 0.10, 0.10: mean 0.05, deviation sqrt(0.015 / 3), t(3) = 3.182446.
  CHECK(pairs[0].difference == Approx(0.05));
  CHECK(pairs[0].interval.lo == Approx(0.05 - 0.112517).epsilon(1e-4));
  CHECK(pairs[0].interval.hi == Approx(0.05 + 0.112517).epsilon(1e-4));
  // A trial past a stop is not counted.
  store.add(sweep::Stop{sweep::point_id(points[1]), 3, 1, "max_trials"});
  pairs = analysis::paired_differences(store, analysis::summarise(store));
  REQUIRE(pairs.size() == 1);
  CHECK(pairs[0].trials == 3);
  CHECK(pairs[0].difference == Approx(0.1 / 3));
}

}  // namespace kvfrontier::end_to_end::table
