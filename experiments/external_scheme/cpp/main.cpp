#include <cli/cli.hpp>

int main(int argc, char** argv) {
  return kvfrontier::cli::run(argc, argv);
}
