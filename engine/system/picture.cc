#include <fmt/format.h>
#include <unistd.h>

#include <cmath>
#include <cstdio>
#include <filesystem>
#include <memory>

#include "betimes/base/error.h"
#include "betimes/base/file.h"
#include "betimes/system/results.h"

namespace betimes::system {
namespace {

/// A string of gnuplot's that means nothing but itself.
std::string quoted(const std::string& text) {
  std::string out = "'";
  for (const char c : text) {
    if (c == '\'') out += '\'';
    out += static_cast<unsigned char>(c) < 0x20 ? ' ' : c;
  }
  return out + "'";
}

// Colours that stay apart for colour-blind readers (Okabe and Ito 2008).
constexpr const char* colours[] = {"#0072b2", "#d55e00", "#009e73", "#cc79a7",
                                   "#e69f00", "#56b4e9", "#000000"};

std::string script(const Picture& picture) {
  std::string text =
      "set terminal svg size 760,440 font 'sans-serif,13' background 'white' noenhanced\n"
      "set border 3 lc '#666666'\nset tics nomirror\nset grid lc '#dddddd'\n"
      "set key outside right top\nset offsets graph 0.03, graph 0.03, graph 0.05, graph 0.05\n";
  text += fmt::format("set title {}\nset xlabel {}\nset ylabel {}\n", quoted(picture.title),
                      quoted(picture.x_label), quoted(picture.y_label));
  if (picture.log_x) text += "set logscale x\n";
  if (picture.log_y) text += "set logscale y\n";
  std::string plot;
  for (size_t i = 0; i < picture.series.size(); ++i) {
    const Series& series = picture.series[i];
    const bool ranges = !series.low.empty();
    text += fmt::format("$data{} << EOD\n", i);
    for (size_t k = 0; k < series.x.size(); ++k) {
      if (!std::isfinite(series.x[k]) || !std::isfinite(series.y[k])) {
        text += "\n";  // a gap in the line
        continue;
      }
      text += fmt::format("{:.9g} {:.9g}", series.x[k], series.y[k]);
      if (ranges) text += fmt::format(" {:.9g} {:.9g}", series.low[k], series.high[k]);
      text += "\n";
    }
    text += "EOD\n";
    const char* colour = colours[i % std::size(colours)];
    if (ranges) {
      plot += fmt::format("{}$data{} using 1:2:3:4 with yerrorbars notitle pt 0 lc '{}'",
                          plot.empty() ? "" : ", ", i, colour);
    }
    plot += fmt::format("{}$data{} using 1:2 with {} title {} lw 2 pt 7 ps 0.5 lc '{}'",
                        plot.empty() ? "" : ", ", i, series.line ? "linespoints" : "points",
                        quoted(series.name), colour);
  }
  return text + "plot " + plot + "\n";
}

struct CloseProcess {
  void operator()(std::FILE* pipe) const { pclose(pipe); }
};

struct RemoveFile {
  std::string path;
  ~RemoveFile() {
    std::error_code ignored;
    std::filesystem::remove(path, ignored);
  }
};

}  // namespace

std::string render_picture(const Reproduction& found) {
  if (found.pictures.empty() || found.pictures.front().series.empty()) {
    throw Error(found.slug, "has no picture in its results");
  }
  const RemoveFile file{(std::filesystem::temp_directory_path() /
                         fmt::format("betimes-{}-{}.gp", found.slug, getpid()))
                            .string()};
  write_file(file.path, script(found.pictures.front()));
  const std::string command = "gnuplot '" + file.path + "' 2>/dev/null";
  const std::unique_ptr<std::FILE, CloseProcess> pipe(popen(command.c_str(), "r"));
  std::string svg;
  char buffer[4096];
  for (size_t n; pipe && (n = std::fread(buffer, 1, sizeof buffer, pipe.get())) > 0;) {
    svg.append(buffer, n);
  }
  if (svg.find("</svg>") == std::string::npos) {
    throw Error("gnuplot", "didn't draw the picture", "the package gnuplot-nox");
  }
  return svg;
}

}  // namespace betimes::system
