/// The numbers of an evaluation: means over samples.
public struct ResultSummary: Sendable, Codable {
  /// How many samples there are.
  public struct Samples: Sendable, Codable {
    /// In the data set, or the shard.
    public let total: Int
    /// With results, failures among them.
    public let done: Int
    /// Which could not be evaluated.
    public let failed: Int
  }

  /// The masks of objects that maps are compared with.
  public struct Masks: Sendable, Codable, Equatable {
    /// How many samples have one and did not fail.
    public let total: Int
    /// In which of them no pixel is on the object, as one of the models at least sees it.
    public let black: Int
  }

  /// A sample that could not be evaluated.
  public struct Failure: Sendable, Codable {
    /// What it is called.
    public let name: String
    /// Why not.
    public let reason: String
  }

  /// A mean.
  public struct Result: Sendable, Codable {
    /// The name of the model.
    public let model: String
    /// The method; nil for what judges the model.
    public let method: String?
    /// What was measured.
    public let metric: String
    /// How many numbers the mean is of; 0 where masks show no object or maps are zero.
    public let n: Int
    /// The mean; nil of no numbers.
    public let mean: Double?
    /// Its standard error; nil for a single number.
    public let standardError: Double?

    /// Writes every key, with null for what does not apply.
    public func encode(to encoder: any Encoder) throws {
      var container = encoder.container(keyedBy: CodingKeys.self)
      try container.encode(model, forKey: .model)
      try container.encode(method, forKey: .method)
      try container.encode(metric, forKey: .metric)
      try container.encode(n, forKey: .n)
      try container.encode(mean, forKey: .mean)
      try container.encode(standardError, forKey: .standardError)
    }
  }

  /// A mean curve.
  public struct Curve: Sendable, Codable {
    /// The name of the model.
    public let model: String
    /// The method; nil for what judges the model.
    public let method: String?
    /// What was measured.
    public let metric: String
    /// Shares of pixels, or factors of contrast.
    public let positions: [Double]
    /// The mean at each position.
    public let means: [Double]

    /// Writes every key, with null for what does not apply.
    public func encode(to encoder: any Encoder) throws {
      var container = encoder.container(keyedBy: CodingKeys.self)
      try container.encode(model, forKey: .model)
      try container.encode(method, forKey: .method)
      try container.encode(metric, forKey: .metric)
      try container.encode(positions, forKey: .positions)
      try container.encode(means, forKey: .means)
    }
  }

  /// What the numbers depend on.
  public let `protocol`: EvaluationProtocol
  /// How many samples there are.
  public let samples: Samples
  /// Which of them could not be evaluated, and why.
  public let failures: [Failure]
  /// The masks that maps are compared with.
  public let masks: Masks
  /// All means: by model, metric and method.
  public let results: [Result]
  /// All mean curves.
  public let curves: [Curve]
}

/// A mean that grows number by number (Welford, 1962).
struct RunningMean {
  private(set) var count = 0
  private(set) var mean = 0.0
  private var squares = 0.0

  mutating func add(_ value: Double) {
    count += 1
    let change = value - mean
    mean += change / Double(count)
    squares += change * (value - mean)
  }

  /// The standard deviation over the root of the count; nil for fewer than two numbers.
  var standardError: Double? {
    guard count > 1 else { return nil }
    return (squares / Double(count - 1) / Double(count)).squareRoot()
  }
}
