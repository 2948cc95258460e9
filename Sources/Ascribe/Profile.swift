/// Where the time of a model goes.
public struct Profile: Sendable, Codable {
  /// All nodes of one operator in the graph that computes scores and gradients.
  public struct Item: Sendable, Codable {
    /// The operator; those of gradients among them.
    public let name: String
    /// Its nodes.
    public let count: Int
    /// Seconds in them per batch, in the run whose time is the median.
    public let seconds: Double
    /// The share of all nodes' seconds.
    public let share: Double
  }

  /// One node of that graph.
  public struct NodeItem: Sendable, Codable {
    /// The node's name; gradients have that of the node that they belong to.
    public let name: String
    /// The operator.
    public let operatorName: String
    /// The shape of the first output.
    public let shape: [Int]
    /// Seconds per batch, in the run whose time is the median.
    public let seconds: Double
  }

  /// What part of the time goes where.
  public struct Kind: Sendable, Codable {
    /// `convolutions`, `products`, `pooling`, `elementwise`, `other`: nodes; `reorders`: changes of
    /// layout inside them; `overhead`: between them.
    public let name: String
    /// The share of the whole run.
    public let share: Double
  }

  /// Samples per batch.
  public let batch: Int
  /// The extents of one sample.
  public let pointShape: [Int]
  /// Seconds of a forward pass of the batch, the median over runs.
  public let forwardSeconds: Double
  /// Seconds of a forward pass and the gradient with respect to the input; nil for a model whose inputs
  /// have none.
  public let gradientSeconds: Double?
  /// Bytes of intermediate values and of kernels at work at the worst moment.
  public let peakBytes: Int
  /// Threads that kernels run on.
  public let threads: Int
  /// Bytes per second that a copy of large memory reads and writes on all threads.
  public let copyBandwidth: Double
  /// The same of the elementwise kernel that gradients use most, which sums and masks.
  public let elementwiseBandwidth: Double
  /// What part of the time goes where, the largest first.
  public let kinds: [Kind]
  /// By operator, the slowest first.
  public let operators: [Item]
  /// Node by node, in the order in which they run.
  public let nodes: [NodeItem]
}
