#pragma once

#include <map>
#include <string>
#include <vector>

#include "bench/cost/samples.h"
#include "bench/cost/train.h"
#include "betimes/cost/device_model.h"

namespace betimes::bench {

/// What took no part in making a prediction. Of a new device nothing but its ten references was
/// known.
enum class New { model_and_device, model, device };

/// A prediction of a model's latency, and what was measured.
struct Held {
  std::string device;
  std::string model;
  std::string group;
  std::string method;  // "learned" or "roofline"
  New what = New::model;
  double predicted = 0, measured = 0;  // ms, medians
  double predicted_p99 = 0, measured_p99 = 0;
  double floor = 0;                            // |log| of the ratio of two measurements of it
  std::vector<cost::KernelTime> kernels = {};  // as measured; empty for a peer
  std::vector<cost::StepPrediction> steps = {};
  double needed =
      0;  // the least level at which the other groups' errors give an interval around it
  double error() const;  // |log(measured / predicted)|
};

/// Every real model on every device, each predicted without its group (folds of groups are left out
/// together), with all devices known and with each device left out; and with each device left out
/// but all models known from the others.
std::vector<Held> evaluate(const std::vector<Samples>& devices, const TrainOptions& options,
                           int folds);

/// What the shipped model is: trained on everything.
std::string train_on_all(const std::vector<Samples>& devices, const TrainOptions& options);

/// The errors of predictions of new models on new devices by method, as
/// models/cost/calibration.json holds them.
std::string calibration_json(const std::vector<Held>& held);

/// The tables of docs/predict.md.
std::string markdown(const std::vector<Held>& held, double level);
/// Predicted, measured, floor, needed level, method, what was new, device, model: a line each.
std::string csv(const std::vector<Held>& held);
/// Device, model, the step's operator, implementation, kind and extents, predicted, measured: a
/// line a step, of learned predictions of new models on new devices.
std::string steps_csv(const std::vector<Held>& held);

}  // namespace betimes::bench
