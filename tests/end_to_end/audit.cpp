// The audit: an honest store passes, and each way of forging 0.9 N d bits at error 0 is convicted by a named guard.

#include <catch2/catch.hpp>
#include <fstream>

#include "made_up.hpp"
#include "process.hpp"

namespace kvfrontier::end_to_end::audit {
namespace {

using Catch::Matchers::Contains;

struct Honest {
  Folder folder;
  std::string out = folder / "out";
  std::vector<Json> rows;
  Honest() {
    const std::string config = folder.write(
        "config.json",
        std::string(R"({"experiment": "index_frontier", "seed": 2, "grid": {"n": 8, "d": 16, "rate": [0.5, 1],
      "scheme": ["bitpack", {"name": "uniform", "keys": "public"}, "exact"]}, "queries": 64, "stop": {"max_trials": 8}})"));
    // One thread: rows stand in the order of their trials.
    REQUIRE(kvfrontier({"run", config, "--out", out, "--threads", "1"}).code == 0);
    rows = rows_of(out);
  }
  // The first row of bitpack at rate 1: N d bits, error 0.
  Json& full_bitpack() {
    const auto row = std::find_if(rows.begin(), rows.end(), [](const Json& r) {
      return r.at("parameters").at("scheme").at("name") == "bitpack" && r.at("parameters").at("rate") == 1.0;
    });
    REQUIRE(row != rows.end());
    REQUIRE(row->at("data").at("message_bits") == 336);
    REQUIRE(row->at("data").at("error") == 0.0);
    return *row;
  }
  Finished audit() const {
    std::ofstream stream(out + "/rows.jsonl");
    for (const Json& row : rows) stream << row.dump() << '\n';
    stream.close();
    return kvfrontier({"audit", out});
  }
};

void require_finding(const Finished& finished, const std::string& point, const std::string& says) {
  INFO(finished.out << finished.err);
  CHECK(finished.code == 3);
  CHECK_THAT(finished.out, Contains(point) && Contains(says));
}

}  // namespace

TEST_CASE("an honest store passes the audit", "[end_to_end]") {
  const Honest honest;
  const Finished finished = honest.audit();
  INFO(finished.out);
  CHECK(finished.code == 0);
  CHECK_THAT(finished.out,
             Contains("audited 32 measured trials of 5 points: 0 findings; nearest to its floor: gap 1.0000"));
}

TEST_CASE("an edited row is convicted by ledger, size formula and its own sums", "[end_to_end]") {
  const std::uint64_t short_bits = 302;  // floor(0.9 * 336)
  Honest honest;
  const Json genuine = honest.full_bitpack();
  const std::string point = genuine.at("point");
  Json& row = honest.full_bitpack();

  row["data"]["message_bits"] = short_bits;
  require_finding(honest.audit(), point, "trial 0: the ledger books 336 bits, the message has 302");
  row["data"]["ledger"]["values"] = short_bits;
  require_finding(honest.audit(), point, "trial 0: the message has 302 bits, the size formula gives 336");

  row = genuine;
  row["data"]["peak_state_bits"] = 10;
  require_finding(honest.audit(), point, "the message has 336 bits, the largest state only 10");
  row = genuine;
  row["data"]["row_errors"] = 1.0;
  require_finding(honest.audit(), point, "error 0 does not follow from 1 wrong rows of 64");
  row = genuine;
  row["data"]["information_bits"] = 300;
  require_finding(honest.audit(), point, "an instance of these parameters holds 336 bits, the row says 300");
  row = genuine;
  row["data"]["queried_rows"] = 8;
  require_finding(honest.audit(), point, "the row counts 8 queried rows, its parameters ask for 64");
  row = genuine;
  CHECK(honest.audit().code == 0);
}

TEST_CASE("a forgery that is consistent with itself lies below the floor", "[end_to_end]") {
  // 0.9 N d bits at error 0 in eight trials: ledger, formula and point id all agree.
  Json parameters = resolved(R"({"n": 8, "d": 16, "scheme": {"name": "bitpack", "bits": 302}})").at(0);
  const auto audit = [](const Json& forged, std::uint64_t bits, double error) {
    const Folder folder;
    std::string text;
    for (int trial = 0; trial < 8; ++trial) text += made_up_row(forged, trial, bits, error).to_json().dump() + '\n';
    folder.write("rows.jsonl", text);
    return kvfrontier({"audit", folder.path().string()});
  };
  CHECK(parameters.at("scheme").at("options").at("bits") == 302);
  require_finding(audit(parameters, 302, 0), sweep::point_id(parameters), "302 bits at error at most 0.0");
  require_finding(audit(parameters, 302, 0), sweep::point_id(parameters), "lie below the floor of");
  // What bitpack really does with these bits, 5 % errors, is fine.
  CHECK(audit(parameters, 302, 0.05).code == 0);
  // The same by a scheme that nobody knows, for which there is no size formula.
  Json unknown = parameters;
  unknown["scheme"]["name"] = "miracle";
  require_finding(audit(unknown, 302, 0), sweep::point_id(unknown), "lie below the floor of");
  // Or by claiming a smaller instance than its maps hold.
  Json smaller = parameters;
  smaller["tokens"] = 18;
  require_finding(audit(smaller, 302, 0.05), sweep::point_id(smaller), "its parameters are impossible");
  Json maps = parameters;
  maps["sides"] = {4, 2};
  require_finding(audit(maps, 302, 0.05), sweep::point_id(maps), "its parameters are impossible");
}

}  // namespace kvfrontier::end_to_end::audit
