#pragma once
// Catch2 2 or 3, whichever is installed. This is the one place that knows the difference: tests include this header and
// none of Catch2's own.

#include <functional>
#include <string>
#include <utility>

#if __has_include(<catch2/catch_all.hpp>)
#include <catch2/catch_all.hpp>

// What Catch2 2 has at global scope. Catch2 3 took the name Contains for elements of ranges.
using Catch::Approx;
inline auto Contains(const std::string& text) {
  return Catch::Matchers::ContainsSubstring(text);
}
#else
#include <catch2/catch.hpp>

using Catch::Matchers::Contains;
#endif

namespace kvfrontier::tests {

// Registers a test case that calls `body`, beside those of TEST_CASE; call it before main. It is for test cases that a
// program makes from what the library registers.
inline void add_test_case(const std::string& name, const std::string& tags, std::function<void()> body) {
  class Invoker : public Catch::ITestInvoker {
   public:
    explicit Invoker(std::function<void()> body) : body_(std::move(body)) {}
    void invoke() const override { body_(); }

   private:
    std::function<void()> body_;
  };
#if __has_include(<catch2/catch_all.hpp>)
  auto invoker = Catch::Detail::make_unique<Invoker>(std::move(body));
#else
  auto* invoker = new Invoker(std::move(body));  // Catch2 2 takes it over
#endif
  Catch::AutoReg(std::move(invoker), CATCH_INTERNAL_LINEINFO, Catch::StringRef(), Catch::NameAndTags{name, tags});
}

}  // namespace kvfrontier::tests
