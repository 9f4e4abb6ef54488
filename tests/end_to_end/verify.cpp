// kvfrontier verify as a user meets it: verdicts, resuming, shards, judging stored records, what is missing, exit
// codes.

#include <fstream>

#include "../support/catch.hpp"
#include "process.hpp"
#include "sweep/record_line.hpp"

namespace kvfrontier::end_to_end::verify {
namespace {

// Cheap, and its records hold one number that is easily forged.
const std::string claim = "nonadaptive_probes";

Finished verify(std::vector<std::string> words) {
  words.insert(words.begin(), "verify");
  return kvfrontier(words);
}

std::string last_line(const std::string& text) {
  return lines_of(text).back();
}

// The line of the claim in the verdict table.
std::string line_of(const std::string& text, const std::string& name) {
  for (const auto& line : lines_of(text)) {
    if (line.rfind(name, 0) == 0) return line;
  }
  return {};
}

void forge(const std::string& directory, double factor) {
  std::string text;
  for (const auto& line : lines_of(read_text(directory + "/records.jsonl"))) {
    Json record = Json::parse(line);
    record["data"]["success"] = record["data"]["success"].get<double>() * factor;
    text += sweep::sealed_line(record);
  }
  std::ofstream(directory + "/records.jsonl") << text;
}

}  // namespace

TEST_CASE("verify measures, judges, resumes, and judges again from the records alone", "[end_to_end]") {
  const Folder folder;
  const std::string out = folder / "records";
  const auto first = verify({"--only", claim, "--out", out, "--threads", "2"});
  REQUIRE(first.code == 0);
  CHECK_THAT(first.err, Contains("[1/1] " + claim));
  const auto lines = lines_of(first.out);
  REQUIRE(lines.size() == 3);  // titles, one line a claim, the count
  CHECK(line_of(first.out, claim).find(" holds ") != std::string::npos);
  CHECK_THAT(line_of(first.out, claim), Contains("arXiv 2502.15955") && Contains("1/2 + s/(2 N d)"));
  CHECK(lines[0].find("verdict") == lines[1].find("holds"));
  CHECK(lines.back() == "1 holds, 0 refuted, 0 inconclusive");

  const std::string records = read_text(out + "/records.jsonl");
  const auto again = verify({"--only", claim, "--out", out});
  CHECK(again.out == first.out);
  CHECK(read_text(out + "/records.jsonl") == records);

  const auto judged = verify({"--only", claim, "--from", out});
  CHECK(judged.code == 0);
  CHECK(judged.out == first.out);
  CHECK(judged.err.empty());
  CHECK(read_text(out + "/records.jsonl") == records);
  // A directory of directories of records is judged as one.
  CHECK(verify({"--only", claim, "--from", folder.path().string()}).out == first.out);

  const auto checks = verify({"--only", claim, "--from", out, "--checks"});
  CHECK(lines_of(checks.out).size() == 3 + 18);
  const Json json = Json::parse(verify({"--only", claim, "--from", out, "--json"}).out);
  REQUIRE(json.size() == 1);
  CHECK(json[0].at("claim") == claim);
  CHECK(json[0].at("outcome") == "holds");
  CHECK(json[0].at("checks").size() == 18);
  CHECK(json[0].at("unfinished_points") == 0);
  for (const char* text : {"statement", "source", "prediction", "allowance", "refutation"})
    CHECK_FALSE(json[0].at(text).get<std::string>().empty());
}

TEST_CASE("records that contradict a claim refute it, and records that lack its numbers are bad data", "[end_to_end]") {
  const Folder folder;
  const std::string out = folder / "records";
  REQUIRE(verify({"--only", claim, "--out", out}).code == 0);
  forge(out, 0.8);
  const auto refuted = verify({"--only", claim, "--from", out});
  CHECK(refuted.code == 1);
  CHECK(line_of(refuted.out, claim).find(" refuted ") != std::string::npos);
  CHECK_THAT(refuted.out, Contains("allowed ["));  // the check that decided it, whole
  CHECK(last_line(refuted.out) == "0 holds, 1 refuted, 0 inconclusive");

  std::string text;
  for (const auto& line : lines_of(read_text(out + "/records.jsonl"))) {
    Json record = Json::parse(line);
    record["data"].erase("success");
    text += sweep::sealed_line(record);
  }
  std::ofstream(out + "/records.jsonl") << text;
  const auto bad = verify({"--only", claim, "--from", out});
  CHECK(bad.code == 3);
  CHECK_THAT(bad.err, Contains(claim + ": a stored record does not hold") && Contains("data.success: found nothing"));
}

TEST_CASE("a claim whose records are missing is inconclusive and names the command that measures them",
          "[end_to_end]") {
  const Folder folder;
  const std::string out = folder / "records";
  REQUIRE(verify({"--only", claim, "--out", out}).code == 0);
  const auto missing = verify({"--only", "leak_law", "--only", claim, "--from", out});
  CHECK(missing.code == 0);
  CHECK_THAT(
      missing.out,
      Contains(
          "leak_law: no records at size quick and seed 1; measure them with: kvfrontier verify --only leak_law --out " +
          out));
  CHECK(last_line(missing.out) == "1 holds, 0 refuted, 1 inconclusive");
  // Nothing was measured.
  for (const Json& record : records_of(out)) CHECK(record.at("parameters").at("experiment") == claim);

  // At paper size an open claim is a failure.
  const auto paper = verify({"--only", claim, "--from", out, "--size", "paper"});
  CHECK(paper.code == 1);
  CHECK_THAT(paper.out, Contains("--only " + claim + " --size paper --out " + out));

  // Half of the records: no verdict, though the checks that can be made hold.
  auto lines = lines_of(read_text(out + "/records.jsonl"));
  std::string text;
  for (std::size_t i = 0; i < lines.size() / 2; ++i) text += lines[i] + '\n';
  std::ofstream(out + "/records.jsonl") << text;
  fs::remove(out + "/stops.jsonl");  // its points would be missing
  const auto half = verify({"--only", claim, "--from", out});
  CHECK(half.code == 0);
  CHECK_THAT(half.out, Contains("of 18 points lack trials; measure them with: kvfrontier verify --only " + claim));
  CHECK(last_line(half.out) == "0 holds, 0 refuted, 1 inconclusive");
}

TEST_CASE("the seed of stored records is found", "[end_to_end]") {
  const Folder folder;
  const std::string out = folder / "records";
  REQUIRE(verify({"--only", claim, "--out", out, "--seed", "5"}).code == 0);
  CHECK(last_line(verify({"--only", claim, "--from", out}).out) == "1 holds, 0 refuted, 0 inconclusive");
  const auto other = verify({"--only", claim, "--from", out, "--seed", "6"});
  CHECK_THAT(other.out, Contains("no records at size quick and seed 6") && Contains("--seed 6"));
}

TEST_CASE("shards and interruptions by the clock give the records and the verdict of one run", "[end_to_end]") {
  const Folder folder;
  const std::string whole = folder / "whole", parts = folder / "parts";
  REQUIRE(verify({"--only", claim, "--out", whole, "--threads", "1"}).code == 0);
  for (const char* shard : {"1/3", "2/3", "3/3"}) {
    const auto part = verify({"--only", claim, "--out", parts, "--shard", shard});
    CHECK(part.code == 0);
    CHECK(part.out.empty());
    CHECK_THAT(part.err, Contains("shard ") && Contains("--from " + parts));
  }
  CHECK(verify({"--only", claim, "--from", parts}).out == verify({"--only", claim, "--from", whole}).out);
  CHECK(canonical(parts) == canonical(whole));

  const std::string slow = folder / "slow";
  const auto stopped = verify({"--only", claim, "--out", slow, "--max-seconds", "0.02", "--threads", "1"});
  CHECK(stopped.code == 5);
  CHECK_THAT(stopped.err, Contains("--max-seconds reached"));
  CHECK(last_line(stopped.out) == "0 holds, 0 refuted, 1 inconclusive");
  CHECK(record_count(slow) < record_count(whole));
  CHECK(verify({"--only", claim, "--out", slow}).code == 0);
  CHECK(canonical(slow) == canonical(whole));
}

TEST_CASE("verify explains what it cannot use", "[end_to_end]") {
  const Folder folder;
  const auto error = [](const std::vector<std::string>& words, const std::string& part) {
    const auto finished = verify(words);
    INFO(finished.err);
    CHECK(finished.code == 2);
    CHECK(finished.out.empty());
    CHECK_THAT(finished.err, Contains(part));
  };
  error({"--size", "large"}, "quick, paper");
  error({"--only", "leak_low"}, "did you mean \"leak_law\"");
  error({"--only", "index_frontier"}, "no claim");
  error({"--shard", "3/2"}, "I/N");
  error({"--threads", "0"}, "--threads");
  error({"--max-seconds", "-1"}, "--max-seconds");
  error({"--from", folder.path().string(), "--out", folder / "out"}, "--from measures nothing");
  error({"--from", folder / "nowhere"}, "no such directory");
  error({"--from", folder.path().string()}, "no records here");
}

TEST_CASE("docs/claims.md is what the binary writes", "[end_to_end]") {
  const auto written = verify({"--markdown"});
  REQUIRE(written.code == 0);
  CHECK(written.out.find("### leak_law") != std::string::npos);
  INFO("write it again with: build/kvfrontier verify --markdown > docs/claims.md");
  const bool fresh = written.out == read_text(fs::path(KVFRONTIER_SOURCE_DIR) / "docs/claims.md");
  CHECK(fresh);
}

}  // namespace kvfrontier::end_to_end::verify
