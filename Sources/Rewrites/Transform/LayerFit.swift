import Graphs
import Kernels
import Tensors

/// Fits one layer: samples the patches of its input batch by batch, then solves for its weights.
struct LayerFit {
  let layer: LinearLayer
  let weights: LayerWeights
  private let stored: Tensor
  private let options: CalibrationOptions
  private let split: PictureSplit
  /// Distinguishes the samples of this layer from those of others.
  private let seed: UInt64
  private var groups: [any RidgeRegression] = []
  private var rows = (fitted: 0, heldOut: 0)
  private var isDual = false
  /// Why the layer cannot be fitted.
  private var refusal: String?

  init(
    _ layer: LinearLayer, _ stored: Tensor, seed: UInt64, _ options: CalibrationOptions,
    _ split: PictureSplit
  ) {
    (self.layer, self.stored, self.options, self.split) = (layer, stored, options, split)
    weights = LayerWeights(stored, layer.form)
    self.seed = seed
  }

  /// Bytes that the sums of this layer take, at most.
  var byteCount: Int {
    let targets = options.method == .absorption ? 1 : weights.outputs
    let length = weights.length
    let rows = length > options.longestPatch ? options.dualRowLimit : 2 * length
    return weights.groups * 16 * rows * (length + targets)
  }

  /// Takes a batch: the layer's input in the converted network and its pre-activation in the original.
  ///
  /// - Throws: `ModelError` that names the layer.
  mutating func add(_ input: Tensor, _ target: Tensor?, of batch: PictureBatch) throws(ModelError) {
    guard refusal == nil else { return }
    do throws(KernelError) {
      let patches = try layer.patches(of: input, weights: stored.shape)
      let targets = try target.map { target throws(KernelError) in
        try layer.targets(in: target, weights)
      }
      guard patches.length == weights.length, targets.map({ $0.count == patches.count }) ?? true
      else {
        refusal = "its input or output has another shape in the original"
        return
      }
      if groups.isEmpty { try begin(placesPerBatch: patches.count, of: batch) }
      try add(patches, targets, batch)
    } catch {
      throw ModelError(error.description, node: layer.label)
    }
    guard groups.allSatisfy(\.isFinite) else {
      throw ModelError(
        "its input or output is not finite on the calibration pictures", node: layer.label)
    }
  }

  private mutating func begin(
    placesPerBatch: Int, of batch: PictureBatch
  ) throws(KernelError) {
    let length = weights.length
    let expected = placesPerBatch * split.fittedCount / max(batch.pictures.shape[0], 1)
    isDual =
      length > options.longestPatch || (expected <= options.dualRowLimit && expected < length)
    for _ in 0..<weights.groups {
      groups.append(
        isDual
          ? try DualRegression(options.method, length: length, outputs: weights.outputs)
          : try MomentRegression(options.method, length: length, outputs: weights.outputs))
    }
  }

  private mutating func add(
    _ patches: Patches, _ targets: Patches?, _ batch: PictureBatch
  ) throws(KernelError) {
    let places = sample(of: patches.count, batch)
    if batch.isHeldOut { rows.heldOut += places.count } else { rows.fitted += places.count }
    // Few enough rows at once that the copies stay small beside the sums.
    let step = max(64, (1 << 22) / max(patches.length, 1))
    for start in stride(from: 0, to: places.count, by: step) {
      let places = places[start..<min(start + step, places.count)]
      for group in groups.indices {
        try groups[group].add(
          try patches.rows(at: places, group: group),
          try targets?.rows(at: places, group: group), isHeldOut: batch.isHeldOut)
      }
    }
  }

  /// Seeded places among `count`, in order, so many that those of all batches keep the limit.
  private func sample(of count: Int, _ batch: PictureBatch) -> [Int] {
    let fitLimit =
      isDual ? options.dualRowLimit : max(options.rowLimit, 16 * weights.length)
    let limit = max(1, batch.isHeldOut ? fitLimit / 4 : fitLimit)
    let pictures = batch.isHeldOut ? split.heldOutCount : split.fittedCount
    let end = limit.multipliedReportingOverflow(by: batch.first + batch.count)
    guard !end.overflow, pictures > 0 else { return Array(0..<count) }
    let wanted = end.partialValue / pictures - limit * batch.first / pictures
    guard wanted < count else { return Array(0..<count) }
    var generator = SplitMix64(
      seed: seed ^ UInt64(batch.first) << 1 ^ (batch.isHeldOut ? 1 : 0))
    var (places, missing): ([Int], Int) = ([], wanted)
    places.reserveCapacity(wanted)
    for place in 0..<count where missing > 0 {
      guard Int.random(in: 0..<count - place, using: &generator) < missing else { continue }
      places.append(place)
      missing -= 1
    }
    return places
  }

  /// The new weights and what they bring.
  ///
  /// - Throws: `ModelError` that names the layer.
  mutating func finish() throws(ModelError) -> (weights: Tensor, report: CalibratedLayer) {
    var report = layer.report(length: weights.length)
    (report.rows, report.heldOutRows) = (rows.fitted, rows.heldOut)
    if rows.fitted == 0 { refusal = refusal ?? "it has no patches" }
    if let refusal {
      report.reason = refusal
      return (stored, report)
    }
    do throws(KernelError) {
      try prepare()
      let choice = try RidgeChoice(groups, strengths: options.strengths)
      func error(_ energy: Double) -> Double? {
        choice.targetEnergy > 0 ? (energy / choice.targetEnergy).squareRoot() : nil
      }
      report.errorBefore = error(choice.energyBefore)
      report.errorAfter = report.errorBefore
      guard let strength = choice.strength else {
        report.reason = "no other weights were better on held-out pictures"
        return (stored, report)
      }
      let new = try weights.adding { group, range throws(KernelError) in
        try groups[group].correction(choice.solutions[group], range)
      }
      guard let new else {
        report.reason = "the new weights are beyond \(stored.elementType)"
        return (stored, report)
      }
      report.strength = strength
      report.errorAfter = error(choice.energy)
      report.solution = isDual ? .dual : .normalEquations
      return (new, report)
    } catch {
      throw ModelError(error.description, node: layer.label)
    }
  }

  private mutating func prepare() throws(KernelError) {
    let weights = weights
    let count = weights.outputs
    let bias = layer.bias ?? [Double](repeating: 0, count: count * weights.groups)
    guard bias.count == count * weights.groups else {
      throw KernelError("\(bias.count) biases for \(count * weights.groups) outputs")
    }
    for group in groups.indices {
      try groups[group].prepare(bias: Array(bias[group * count..<(group + 1) * count])) {
        range throws(KernelError) in try weights.rows(range, group: group)
      }
    }
  }
}

extension LinearLayer {
  /// What is known of a layer before it is fitted.
  func report(length: Int, reason: String? = nil) -> CalibratedLayer {
    CalibratedLayer(
      name: node.name, operatorName: node.operatorName, weights: weightsName, patchLength: length,
      reason: reason)
  }
}
