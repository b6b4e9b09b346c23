#include "systems/search/mnasnet/nasbench.h"

#include <gtest/gtest.h>
#include <zlib.h>

#include <filesystem>
#include <fstream>
#include <set>

#include "betimes/base/error.h"
#include "betimes/base/gzip.h"
#include "betimes/base/temporary_folder.h"

namespace betimes::systems::mnasnet {
namespace {

const char* const cell_text =
    "|avg_pool_3x3~0|+|nor_conv_1x1~0|skip_connect~1|+|none~0|nor_conv_3x3~1|skip_connect~2|";

TEST(Cell, IsReadEdgeByEdge) {
  EXPECT_EQ(parse_cell(cell_text, "here"), (Tokens{4, 2, 1, 0, 3, 1}));
  for (const char* bad :
       {"", "|", "|none~0|", "none~0", "|avg~0|+|none~0|none~1|+|none~0|none~1|none~2|",
        "|none~1|+|none~0|none~1|+|none~0|none~1|none~2|",
        "|none~0|+|none~0|none~1|+|none~0|none~1|none~2|x",
        "|none~0|+|none~0|none~1||none~0|none~1|none~2|"}) {
    EXPECT_THROW(parse_cell(bad, "bad"), Error) << bad;
  }
}

TEST(Cell, EachHasANumberOfItsOwn) {
  std::set<size_t> codes;
  Tokens tokens(6, 0);
  while (true) {
    const size_t number = code(tokens);
    EXPECT_LT(number, NasBench::cells);
    codes.insert(number);
    size_t i = 0;
    while (i < 6 && ++tokens[i] == NasBench::operators) tokens[i++] = 0;
    if (i == 6) break;
  }
  EXPECT_EQ(codes.size(), NasBench::cells);
  EXPECT_THROW(code({0, 0, 0, 0, 0}), Error);
  EXPECT_THROW(code({0, 0, 0, 0, 0, 5}), Error);
}

TEST(Cell, MultipliesWithItsConvolutionsOnly) {
  const double none = cell_macs({0, 1, 4, 0, 1, 4});
  // One 1 x 1 convolution in 5 cells of each of 3 stages; C * C * H * W is equal in all of them.
  EXPECT_DOUBLE_EQ(cell_macs({2, 1, 4, 0, 1, 4}) - none, 3 * 5 * 16.0 * 16 * 32 * 32);
  EXPECT_DOUBLE_EQ(cell_macs({3, 1, 4, 0, 1, 4}) - none, 9 * 3 * 5 * 16.0 * 16 * 32 * 32);
}

class Folder {
 public:
  Folder() { std::filesystem::create_directories(folder_.at("help-nas-latency")); }
  std::string path() const { return folder_.path().string(); }
  std::string file(const std::string& name) const {
    return path() + "/help-nas-latency/nasbench201_" + name + ".csv.gz";
  }
  void write(const std::string& name, const std::string& text) const {
    const gzFile out = gzopen(file(name).c_str(), "wb");
    gzwrite(out, text.data(), static_cast<unsigned>(text.size()));
    gzclose(out);
  }

 private:
  TemporaryFolder folder_;
};

/// All cells in an order that isn't that of their codes, latency 1 + their row on "slow".
struct Made {
  std::string archs = "arch,arch_str\n", accuracy = "arch,cifar100_test_pct\n",
              latency = "arch,fast,slow\n";
  Made() {
    constexpr const char* names[] = {"none", "skip_connect", "nor_conv_1x1", "nor_conv_3x3",
                                     "avg_pool_3x3"};
    for (size_t row = 0; row < NasBench::cells; ++row) {
      size_t rest = row * 7 % NasBench::cells;  // 7 and 5^6 have no common divisor
      std::string text;
      for (int node = 1; node <= 3; ++node) {
        text += node > 1 ? "+|" : "|";
        for (int from = 0; from < node; ++from, rest /= 5) {
          text += std::string(names[rest % 5]) + "~" + std::to_string(from) + "|";
        }
      }
      const std::string number = std::to_string(row);
      archs += number + "," + text + "\n";
      accuracy += number + "," + std::to_string(1 + row % 90) + "\n";
      latency += number + ",1," + std::to_string(1 + row) + "\n";
    }
  }
};

TEST(NasBench, KnowsEveryCellWhateverTheRowsOrder) {
  const Folder folder;
  const Made made;
  folder.write("archs", made.archs);
  folder.write("accuracy", made.accuracy);
  folder.write("latency", made.latency);
  EXPECT_TRUE(NasBench::present(folder.path()));
  const NasBench bench(folder.path());
  for (const Trial& trial : bench.all("slow")) {
    const size_t row = static_cast<size_t>(trial.found.ms) - 1;
    EXPECT_EQ(row * 7 % NasBench::cells, code(trial.tokens));
    EXPECT_NEAR(trial.found.accuracy, 0.01 * static_cast<double>(1 + row % 90), 1e-12);
    EXPECT_EQ(parse_cell(bench.text(trial.tokens), "here"), trial.tokens);
  }
  EXPECT_EQ(bench.judged(Tokens(6, 0), "fast").ms, 1);
  EXPECT_THROW(bench.judged(Tokens(6, 0), "other"), Error);
}

TEST(NasBench, RefusesDamagedFiles) {
  const Folder folder;
  const Made made;
  folder.write("archs", made.archs);
  folder.write("accuracy", made.accuracy);
  const auto refused = [&](const std::string& latency) {
    folder.write("latency", latency);
    EXPECT_THROW(NasBench{folder.path()}, Error);
  };
  refused("");
  refused("arch,fast\n0,1\n");
  refused(made.latency + "15625,1,1\n");
  std::string bad = made.latency;
  bad.replace(bad.find("\n5,1,6\n"), 7, "\n5,1,-6\n");
  refused(bad);
  bad = made.latency;
  bad.replace(bad.find("\n5,1,6\n"), 7, "\n6,1,6\n");
  refused(bad);
  folder.write("latency", made.latency);
  std::string twice = made.archs;
  const size_t second = twice.find("\n1,") + 3, third = twice.find("\n2,") + 3;
  twice.replace(third, twice.find('\n', third) - third,
                twice.substr(second, twice.find('\n', second) - second));
  folder.write("archs", twice);
  EXPECT_THROW(NasBench{folder.path()}, Error);
}

TEST(GzipText, BoundsWhatItReadsAndNoticesAnEarlyEnd) {
  const Folder folder;
  std::string text;
  for (int i = 0; i < 20'000; ++i) text += std::to_string(i * 7919);
  folder.write("archs", text);
  EXPECT_EQ(read_gzip_text(folder.file("archs"), text.size()), text);
  EXPECT_THROW(read_gzip_text(folder.file("archs"), text.size() - 1), Error);
  EXPECT_THROW(read_gzip_text(folder.file("nothing"), 100), Error);
  std::filesystem::resize_file(folder.file("archs"),
                               std::filesystem::file_size(folder.file("archs")) / 2);
  EXPECT_THROW(read_gzip_text(folder.file("archs"), text.size()), Error);
}

}  // namespace
}  // namespace betimes::systems::mnasnet
