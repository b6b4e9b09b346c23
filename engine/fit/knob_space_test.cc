#include "betimes/fit/knob_space.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <map>
#include <set>

#include "betimes/base/error.h"

namespace betimes::fit {
namespace {

/// width x heads x precision, where heads must divide width.
KnobSpace small_space() {
  KnobSpace space;
  space.add({"width", Integers{2, 8, 2}, int64_t{8}, "wider is better and slower"});
  space.add({"heads", Integers{1, 3}, int64_t{1}, ""});
  space.add({"precision", Categories{{std::string("fp32"), std::string("int8")}},
             std::string("fp32"), ""});
  space.require("heads divides width", [](const Setting& s) {
    return std::get<int64_t>(s.at("width")) % std::get<int64_t>(s.at("heads")) == 0;
  });
  return space;
}

/// The same rule, written out without the space.
bool divides(const Setting& setting) {
  return std::get<int64_t>(setting.at("width")) % std::get<int64_t>(setting.at("heads")) == 0;
}

std::string message_of(const std::function<void()>& action) {
  try {
    action();
  } catch (const Error& error) {
    return error.what();
  }
  return "nothing thrown";
}

TEST(Domain, ValuesAndIndicesAreInverse) {
  for (const Domain& domain : {Domain(Integers{-7, 9, 4}), flag(), Domain(Integers{3, 3}),
                               Domain(Categories{{std::string("a"), int64_t{1}, 0.5}})}) {
    for (uint64_t i = 0; i < count(domain).value(); ++i) {
      EXPECT_EQ(index_of(domain, value_at(domain, i)), i) << to_string(domain);
    }
  }
  const Domain odd = Integers{-7, 9, 4};  // -7, -3, 1, 5, 9
  EXPECT_EQ(count(odd), 5u);
  EXPECT_FALSE(contains(odd, int64_t{0}));
  EXPECT_FALSE(contains(odd, int64_t{13}));
  EXPECT_FALSE(contains(odd, 1.0));
  EXPECT_EQ(count(Domain(Integers{0, 10, 4})), 3u);  // 10 isn't reached
}

TEST(Domain, ExtremeIntegersDoNotOverflow) {
  constexpr int64_t low = std::numeric_limits<int64_t>::min();
  const Domain far = Integers{low, low + 10};
  EXPECT_EQ(count(far), 11u);
  EXPECT_EQ(index_of(far, low + 10), 10u);
  const Domain wide = Integers{low / 4, -(low / 4)};
  EXPECT_EQ(std::get<int64_t>(levels(wide, 3)[1]), 0);
  EXPECT_EQ(std::get<int64_t>(levels(wide, 3)[2]), -(low / 4));
}

TEST(Domain, LevelsHoldBothEndsAndNoMoreThanAsked) {
  EXPECT_EQ(levels(Integers{1, 4}, 10).size(), 4u);
  const auto thinned = levels(Integers{0, 100}, 6);
  ASSERT_EQ(thinned.size(), 6u);
  for (size_t i = 0; i < 6; ++i) EXPECT_EQ(std::get<int64_t>(thinned[i]), 20 * int64_t(i));
  const auto decades = levels(Reals{0.01, 100, true}, 5);
  for (size_t i = 0; i < 5; ++i) {
    EXPECT_NEAR(std::get<double>(decades[i]) / std::pow(10.0, double(i) - 2), 1, 1e-12);
  }
  EXPECT_EQ(std::get<double>(decades[4]), 100);
}

TEST(Domain, RealsHoldTheirEnds) {
  const Domain domain = Reals{0.1, 10, true};
  EXPECT_TRUE(contains(domain, 0.1));
  EXPECT_TRUE(contains(domain, 10.0));
  EXPECT_FALSE(contains(domain, 10.1));
  EXPECT_FALSE(contains(domain, std::nan("")));
  EXPECT_FALSE(contains(domain, int64_t{1}));
  EXPECT_NEAR(share_of(Reals{0.1, 10, true}, 1.0), 0.5, 1e-12);
}

TEST(KnobSpace, RefusesKnobsThatMakeNoSense) {
  const auto refuse = [](Knob knob) {
    KnobSpace space;
    space.add({"taken", Integers{0, 1}, int64_t{0}, ""});
    return message_of([&] { space.add(std::move(knob)); });
  };
  const std::vector<std::pair<Knob, std::string>> cases = {
      {{"taken", flag(), false, ""}, "exists already"},
      {{"", flag(), false, ""}, "isn't a name"},
      {{"a=b", flag(), false, ""}, "isn't a name"},
      {{"a b", flag(), false, ""}, "isn't a name"},
      {{"a\xff", flag(), false, ""}, "isn't a name"},
      {{"a", Categories{}, false, ""}, "has no values"},
      {{"a", Categories{{int64_t{1}, std::string("1")}}, int64_t{1}, ""}, "written '1'"},
      {{"a", Categories{{std::string("\x1b[2J")}}, std::string("\x1b[2J"), ""}, "can't be printed"},
      {{"a", Categories{{std::nan("")}}, false, ""}, "isn't finite"},
      {{"a", flag(), int64_t{1}, ""}, "standard value '1'"},
      {{"a", Integers{0, 3, 0}, int64_t{0}, ""}, "step below 1"},
      {{"a", Integers{3, 0}, int64_t{0}, ""}, "low > high"},
      {{"a", Integers{0, 4, 2}, int64_t{1}, ""}, "standard value '1'"},
      {{"a", Integers{std::numeric_limits<int64_t>::min(), std::numeric_limits<int64_t>::max()},
        int64_t{0}, ""},
       "2^62"},
      {{"a", Reals{1, 1}, 1.0, ""}, "low < high"},
      {{"a", Reals{0, 1, true}, 0.5, ""}, "logarithmic"},
      {{"a", Reals{0, INFINITY}, 0.5, ""}, "finite"},
      {{"a", Reals{-1e308, 1e308}, 0.5, ""}, "finite"},
      {{"a", Reals{0, 1}, int64_t{0}, ""}, "standard value '0'"},
  };
  for (const auto& [knob, part] : cases) {
    EXPECT_NE(refuse(knob).find(part), std::string::npos) << refuse(knob) << " / " << part;
  }
}

TEST(KnobSpace, CheckNamesWhatIsWrong) {
  const KnobSpace space = small_space();
  const auto broken = [&](const std::function<void(Setting&)>& damage) {
    Setting setting = space.standard();
    damage(setting);
    EXPECT_FALSE(space.allows(setting));
    return message_of([&] { space.check(setting); });
  };
  EXPECT_TRUE(space.allows(space.standard()));
  EXPECT_EQ(broken([](Setting& s) { s.erase("heads"); }),
            "knob 'heads': has no value in the setting");
  EXPECT_EQ(broken([](Setting& s) { s["depth"] = int64_t{1}; }),
            "knob 'depth': is unknown (expected width, heads, precision)");
  EXPECT_EQ(broken([](Setting& s) { s["width"] = int64_t{3}; }),
            "knob 'width': can't be '3' (expected 2 to 8 in steps of 2)");
  EXPECT_EQ(broken([](Setting& s) { s["precision"] = std::string("bf16"); }),
            "knob 'precision': can't be 'bf16' (expected one of fp32, int8)");
  EXPECT_EQ(broken([](Setting& s) { s["heads"] = int64_t{3}; }),
            "setting heads=3 precision=fp32 width=8: breaks a constraint (expected heads divides "
            "width)");
}

TEST(KnobSpace, ParsesOverTheStandardSetting) {
  KnobSpace space = small_space();
  space.add({"rate", Reals{0, 1}, 0.25, ""});
  space.add({"cache", flag(), true, ""});
  const Setting setting = space.parse({"width=6", "heads=3", "rate=0.5", "cache=false"});
  EXPECT_EQ(to_string(setting), "cache=false heads=3 precision=fp32 rate=0.5 width=6");
  EXPECT_EQ(setting.at("rate"), Value(0.5));
  EXPECT_EQ(space.parse({}), space.standard());
  for (const std::string text : {"width", "width=", "width=6x", "width=9", "width= 6", "rate=nan",
                                 "rate=1.5", "cache=1", "=3", "depth=1", "heads=3"}) {
    EXPECT_THROW(space.parse({text}), Error) << text;
  }
  EXPECT_THROW(space.parse({"width=6", "width=6"}), Error);
}

TEST(KnobSpace, EnumeratesWhatThreeLoopsDo) {
  const KnobSpace space = small_space();
  std::vector<Setting> expected;
  for (int64_t width = 2; width <= 8; width += 2) {
    for (int64_t heads = 1; heads <= 3; ++heads) {
      for (const std::string precision : {"fp32", "int8"}) {
        if (width % heads != 0) continue;
        expected.push_back({{"width", width}, {"heads", heads}, {"precision", precision}});
      }
    }
  }
  EXPECT_EQ(space.enumerate(), expected);
  EXPECT_EQ(space.size(), 24u);
  EXPECT_THROW(space.enumerate(23), Error);
}

TEST(KnobSpace, SizeIsUnknownForRealsAndBeyondCounting) {
  EXPECT_FALSE(KnobSpace().add({"a", Reals{0, 1}, 0.0, ""}).size().has_value());
  KnobSpace large;
  for (int i = 0; i < 61; ++i) large.add({"bit" + std::to_string(i), flag(), false, ""});
  EXPECT_EQ(large.size(), uint64_t{1} << 61);
  large.add({"next", flag(), false, ""}).add({"last", flag(), false, ""});
  EXPECT_FALSE(large.size().has_value());
  EXPECT_EQ(KnobSpace().size(), 1u);
  EXPECT_EQ(KnobSpace().enumerate(), std::vector<Setting>{Setting{}});
}

TEST(KnobSpace, SamplesUniformlyOverWhatIsAllowed) {
  const KnobSpace space = small_space();
  const size_t allowed = space.enumerate().size();
  std::map<Setting, int> seen;
  Random random(3);
  constexpr int draws = 18000;
  for (int i = 0; i < draws; ++i) {
    const Setting setting = space.sample(random);
    ASSERT_TRUE(divides(setting));
    ++seen[setting];
  }
  ASSERT_EQ(seen.size(), allowed);
  const double expected = double(draws) / double(allowed);
  for (const auto& [setting, times] : seen) EXPECT_NEAR(times, expected, 5 * std::sqrt(expected));
}

TEST(KnobSpace, SamplesWhereNearlyNothingIsAllowed) {
  KnobSpace space;
  space.add({"a", Integers{0, 299}, int64_t{17}, ""}).add({"b", Integers{0, 299}, int64_t{4}, ""});
  space.require("a = 17 and b = 4", [](const Setting& s) {
    return s.at("a") == Value(int64_t{17}) && s.at("b") == Value(int64_t{4});
  });
  Random random(1);
  EXPECT_EQ(space.sample(random), space.standard());
  EXPECT_EQ(space.mutate(space.standard(), random), space.standard());
  space.require("never", [](const Setting&) { return false; });
  EXPECT_THROW(space.sample(random), Error);
}

TEST(KnobSpace, MutatesOneKnobAndReachesEverything) {
  KnobSpace space = small_space();
  space.add({"rate", Reals{0, 1}, 0.5, ""});
  Random random(5);
  Setting setting = space.standard();
  std::set<std::string> reached;
  for (int i = 0; i < 2000; ++i) {
    const Setting next = space.mutate(setting, random);
    ASSERT_TRUE(space.allows(next));
    int changed = 0;
    for (const auto& [name, value] : next) changed += value != setting.at(name);
    EXPECT_EQ(changed, 1);
    setting = next;
    Setting rest = setting;
    rest.erase("rate");
    reached.insert(to_string(rest));
  }
  EXPECT_EQ(reached.size(), small_space().enumerate().size());
}

TEST(KnobSpace, MutatesTwoKnobsWhereOneIsNotAllowed) {
  KnobSpace space;
  space.add({"a", Integers{0, 3}, int64_t{1}, ""}).add({"b", Integers{0, 3}, int64_t{1}, ""});
  space.require("a = b", [](const Setting& s) { return s.at("a") == s.at("b"); });
  Random random(2);
  const Setting other = space.mutate(space.standard(), random);
  EXPECT_NE(other, space.standard());
  EXPECT_EQ(other.at("a"), other.at("b"));
}

TEST(KnobSpace, EncodesNumbersOnTheirScaleAndCategoriesOneHot) {
  KnobSpace space;
  space.add({"n", Integers{10, 20, 5}, int64_t{10}, ""});
  space.add({"r", Reals{1, 100, true}, 10.0, ""});
  space.add({"c", Categories{{std::string("x"), std::string("y"), std::string("z")}},
             std::string("y"), ""});
  space.add({"only", Integers{4, 4}, int64_t{4}, ""});
  const std::vector<double> code = space.encode(space.parse({"n=15"}));
  const std::vector<double> expected = {0.5, 0.5, 0, 1, 0, 0};
  ASSERT_EQ(code.size(), expected.size());
  for (size_t i = 0; i < code.size(); ++i) EXPECT_NEAR(code[i], expected[i], 1e-12);
}

TEST(KnobSpace, FingerprintsTellSpacesApart) {
  const auto one = [](Domain domain, Value standard, const std::string& name = "a") {
    return KnobSpace().add({name, std::move(domain), std::move(standard), "a summary"});
  };
  std::set<std::string> seen;
  seen.insert(one(Integers{0, 3}, int64_t{0}).fingerprint());
  seen.insert(one(Integers{0, 3}, int64_t{1}).fingerprint());
  seen.insert(one(Integers{0, 4}, int64_t{0}).fingerprint());
  seen.insert(one(Reals{0, 3}, 0.0).fingerprint());
  seen.insert(one(Integers{0, 3}, int64_t{0}, "b").fingerprint());
  seen.insert(one(Categories{{int64_t{0}, int64_t{1}}}, int64_t{0}).fingerprint());
  seen.insert(
      one(Categories{{std::string("0"), std::string("1")}}, std::string("0")).fingerprint());
  seen.insert(one(Integers{0, 3}, int64_t{0})
                  .require("even", [](const Setting&) { return true; })
                  .fingerprint());
  EXPECT_EQ(seen.size(), 8u);
  EXPECT_EQ(small_space().fingerprint(), small_space().fingerprint());
}

}  // namespace
}  // namespace betimes::fit
