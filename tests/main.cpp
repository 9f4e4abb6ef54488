#define CATCH_CONFIG_RUNNER

#include "simulator/zygote.hpp"
#include "support/catch.hpp"

int main(int argc, char** argv) {
  // Before any thread or OpenMP region: every Bob of every test is forked from this pristine process.
  kvfrontier::simulator::Zygote::start();
  return Catch::Session().run(argc, argv);
}
