#include "core/program.hpp"

#include <unistd.h>

#include <cstring>
#include <thread>
#include <vector>

#include "../end_to_end/process.hpp"
#include "../support/catch.hpp"

namespace kvfrontier::tests::program {
namespace {

using core::Program;
using core::ProgramError;

std::vector<std::string> shell(const std::string& script) {
  return {"sh", "-c", script};
}

// What the conversation "say hello, hear hello" with a shell script ends in.
std::string complaint(const std::string& script, double seconds = 60) {
  try {
    Program program(shell(script), seconds);
    char heard[5];
    program.send("hello", 5, "the question");
    program.receive(heard, 5, "its answer");
    program.finish();
    return std::string(heard, 5) == "hello" ? "" : "heard " + std::string(heard, 5);
  } catch (const ProgramError& error) {
    return error.what();
  }
}

}  // namespace

TEST_CASE("a program answers, and one that does not is complained of with the end of its stderr", "[program]") {
  CHECK(complaint("cat").empty());
  CHECK(complaint("head -c 5; exit 0").empty());
  CHECK_THAT(complaint("echo one >&2; echo two >&2; exit 3"),
             Contains("exited with status 3 before it had") && Contains("; its stderr ends: one | two"));
  CHECK_THAT(complaint("head -c 2; exit 0"), Contains("exited with status 0 before it had written 5 bytes of its "
                                                      "answer, of which there are 2; its stderr is empty"));
  CHECK_THAT(complaint("kill -9 $$"), Contains("was killed by signal 9 (Killed)"));
  CHECK_THAT(complaint("head -c 5; exit 4"), Contains("exited with status 4 after all had been said"));
  CHECK_THAT(complaint("cat; echo more"),
             Contains("wrote more to stdout than the protocol asks for, beginning with \"more\""));
  CHECK_THAT(complaint("echo lost >&2; sleep 1000", 0.5),
             Contains("did not write its answer within 0.5 s; its stderr ends: lost"));
  CHECK_THAT(complaint("head -c 5; exec >&-; sleep 1000", 0.5),
             Contains("did not end within 0.5 s, though all had been said"));
  CHECK_THAT(complaint("head -c 2; exec >&-; sleep 1000", 0.5),
             Contains("closed the line and did not end before it had written 5 bytes"));
  // What is not UTF-8 must not end up in a row.
  const std::string odd = complaint("printf 'a\\377b' >&2; exit 1");
  CHECK_THAT(odd, Contains("its stderr ends: a\xEF\xBF\xBD"
                           "b"));
  CHECK_NOTHROW(core::Json(odd).dump());
  // The last five lines, shortened from the left.
  CHECK_THAT(complaint("for i in 1 2 3 4 5 6 7; do echo line $i >&2; done; exit 1"),
             Catch::Matchers::EndsWith("ends: line 3 | line 4 | line 5 | line 6 | line 7"));
  CHECK(complaint("head -c 100000 /dev/zero | tr '\\0' x >&2; exit 1").size() < 800);
}

TEST_CASE("more than any buffer holds crosses in both directions", "[program]") {
  std::vector<std::uint32_t> sent(3'000'000), heard(sent.size());
  for (std::size_t i = 0; i < sent.size(); ++i) sent[i] = static_cast<std::uint32_t>(i * 2654435761u);
  // Takes everything before it answers, as the protocol's programs do, and is loud on stderr.
  Program program(shell("f=$(mktemp); head -c 12000000 >$f; head -c 300000 /dev/zero >&2; cat $f; rm $f"), 60);
  program.send(sent.data(), 4 * sent.size(), "everything");
  program.receive(heard.data(), 4 * heard.size(), "everything");
  program.finish();
  CHECK(sent == heard);
}

TEST_CASE("a length that a program has named is believed as far as its bytes come", "[program]") {
  Program program(shell("head -c 2500000 /dev/zero; exit 3"), 60);
  CHECK(program.receive(2'000'000, "its message") == std::vector<std::uint8_t>(2'000'000));
  CHECK_THROWS_WITH(
      program.receive(1'125'000'000'000'000, "its message"),
      Contains("exited with status 3 before it had written 1125000000000000 bytes of its message, of which "
               "there are 500000"));
}

TEST_CASE("programs are looked for as a shell does", "[program]") {
  const end_to_end::Folder folder;
  const std::string script = folder.write("tool", std::string("#!/bin/sh\ncat\n"));
  CHECK(core::find_program(script).empty());  // not executable
  std::filesystem::permissions(script, std::filesystem::perms::owner_exec, std::filesystem::perm_options::add);
  CHECK(core::find_program(script) == script);
  CHECK(core::find_program("sh").is_absolute());
  CHECK(core::find_program("no-such-program-here").empty());
  CHECK(core::find_program("").empty());
  CHECK(core::find_program(folder.path().string() + "/").empty());
  CHECK_THROWS_AS(Program({"no-such-program-here"}, 1), ProgramError);
  CHECK_THROWS_AS(Program({}, 1), ProgramError);
  // Executable, and still nothing that can be run.
  const std::string nothing = folder.write("nothing", std::string("#!/no/such/interpreter\n"));
  std::filesystem::permissions(nothing, std::filesystem::perms::owner_exec, std::filesystem::perm_options::add);
  Program broken({nothing}, 60);
  char heard;
  CHECK_THROWS_WITH(broken.receive(&heard, 1, "anything"),
                    Contains("exited with status 127") && Contains("No such file or directory"));
}

TEST_CASE("with the object goes all that the program has started", "[program]") {
  const end_to_end::Folder folder;
  const std::string marker = folder / "marker";
  {
    Program program(shell("sleep 1000 & sh -c 'sleep 1000; : " + marker + "' & sleep 1000; : " + marker), 60);
    CHECK(end_to_end::eventually([&] { return end_to_end::processes_of(marker) == 2; }));
  }
  CHECK(end_to_end::eventually([&] { return end_to_end::processes_of(marker) == 0; }));
}

TEST_CASE("programs run side by side", "[program]") {
  std::vector<int> right(4, 0);
  std::vector<std::thread> threads;
  for (int& count : right) {
    threads.emplace_back([&count] {
      for (int i = 0; i < 10; ++i) count += complaint("cat").empty();
    });
  }
  for (auto& thread : threads) thread.join();
  CHECK(right == std::vector<int>(4, 10));
}

}  // namespace kvfrontier::tests::program
