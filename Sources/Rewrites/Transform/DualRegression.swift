import Kernels

/// A ridge regression from a sample of patches, for those that are longer than the sample is large.
///
///     X = Y U      Y (U U^T + shift) = Z - W U^T, or a row of ones for absorption
///
/// Here U holds the patches as rows and Z the pre-activations as columns. It gives what the second
/// moments of the same patches would.
struct DualRegression: RidgeRegression {
  /// The rows of one part of the patches.
  private struct Sample {
    var patches: Matrix
    var targets: Matrix

    init(length: Int, outputs: Int) throws(KernelError) {
      patches = try Matrix(rows: 0, columns: length)
      targets = try Matrix(rows: 0, columns: outputs)
    }

    mutating func add(_ patches: Matrix, _ targets: Matrix?) throws(KernelError) {
      try self.patches.append(patches)
      if let targets { try self.targets.append(targets) }
    }

    var isFinite: Bool {
      patches.elements.allSatisfy(\.isFinite) && targets.elements.allSatisfy(\.isFinite)
    }
  }

  private let method: CalibrationMethod
  private var fit: Sample
  private var heldOut: Sample
  private var bias: [Double] = []
  /// What the solution should give: one row per output, one column per patch.
  private var residuals: Matrix
  private var heldOutResiduals: Matrix
  private var gram: Matrix
  private var heldOutGram: Matrix
  private(set) var isFinite = true
  private(set) var heldOutTargetEnergy = 0.0
  private(set) var heldOutEnergy = 0.0

  /// A regression for patches of this length in a group of so many outputs.
  init(_ method: CalibrationMethod, length: Int, outputs: Int) throws(KernelError) {
    self.method = method
    fit = try Sample(length: length, outputs: outputs)
    heldOut = fit
    residuals = try Matrix(rows: 0, columns: 0)
    (heldOutResiduals, gram, heldOutGram) = (residuals, residuals, residuals)
  }

  mutating func add(
    _ patches: Matrix, _ targets: Matrix?, isHeldOut: Bool
  ) throws(KernelError) {
    var part = try Sample(length: patches.columns, outputs: targets?.columns ?? 0)
    try part.add(patches, targets)
    isFinite = isFinite && part.isFinite
    if isHeldOut {
      try heldOut.add(patches, targets)
    } else {
      try fit.add(patches, targets)
    }
  }

  mutating func prepare(
    bias: [Double], weights: (Range<Int>) throws(KernelError) -> Matrix
  ) throws(KernelError) {
    self.bias = bias
    gram = try Matrix.product(fit.patches, fit.patches, transposingB: true)
    heldOutGram = try Matrix.product(heldOut.patches, fit.patches, transposingB: true)
    switch method {
    case .reconstruction:
      residuals = try fit.targets.transposed()
      heldOutResiduals = try heldOut.targets.transposed()
      heldOutTargetEnergy = heldOutResiduals.energy
      for range in LayerWeights.blocks(of: bias.count) {
        let weights = try weights(range)
        try residuals.subtract(weights, fit.patches, range)
        try heldOutResiduals.subtract(weights, heldOut.patches, range)
      }
      heldOutEnergy = heldOutResiduals.energy
    case .absorption:
      residuals = try Matrix.ones(fit.patches.rows)
      heldOutResiduals = try Matrix.ones(heldOut.patches.rows)
      for range in LayerWeights.blocks(of: bias.count) {
        var outputs = try Self.outer(bias[range], heldOutResiduals.elements)
        try outputs.add(try weights(range), heldOut.patches, transposingB: true)
        heldOutTargetEnergy += outputs.energy
      }
      heldOutEnergy = bias.reduce(0) { $0 + $1 * $1 } * Double(heldOut.patches.rows)
    }
  }

  func solution(strength: Double) throws(KernelError) -> Matrix {
    let trace = gram.trace
    guard trace > 0 else { return try Matrix(rows: residuals.rows, columns: residuals.columns) }
    let rank = min(fit.patches.columns, fit.patches.rows)
    return try gram.solve(residuals, shift: strength * trace / Double(rank))
  }

  func heldOutEnergy(of solution: Matrix) throws(KernelError) -> Double {
    var errors = heldOutResiduals
    try errors.add(solution, heldOutGram, transposingB: true, scale: -1)
    let factor = method == .absorption ? bias.reduce(0) { $0 + $1 * $1 } : 1
    return factor * errors.energy
  }

  func correction(_ solution: Matrix, _ range: Range<Int>) throws(KernelError) -> Matrix {
    switch method {
    case .reconstruction: return try Matrix.product(try solution.rows(range), fit.patches)
    case .absorption:
      let functional = try Matrix.product(solution, fit.patches)
      return try Self.outer(bias[range], functional.elements)
    }
  }
}

extension Matrix {
  /// Adds rows at the end.
  fileprivate mutating func append(_ other: Matrix) throws(KernelError) {
    let (count, columns) = (rows + other.rows, columns)
    var elements: [Double] = []
    swap(&elements, &self.elements)
    elements.append(contentsOf: other.elements)
    self = try Matrix(rows: count, columns: columns, elements)
  }

  /// Subtracts W U^T from these rows.
  fileprivate mutating func subtract(
    _ weights: Matrix, _ patches: Matrix, _ range: Range<Int>
  ) throws(KernelError) {
    let products = try Matrix.product(weights, patches, transposingB: true)
    for (index, product) in products.elements.enumerated() {
      elements[range.lowerBound * columns + index] -= product
    }
  }
}
