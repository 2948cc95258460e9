import Tensors

/// Loops that apply a function of one or two elements; the function is inlined into the loop.
extension Workspace {
  /// Elements that one thread takes at least where the function costs as much as a logarithm.
  static let costlyGrain = 1024

  /// `f` of every element, in the layout of `x`.
  ///
  /// Padding must stay zero, so a padded tensor becomes row-major first unless f(0) is 0.
  @inline(__always)
  func map<A: ArithmeticElement>(_ x: Tensor, grain: Int = 16384, _ f: (A) -> A) -> Tensor {
    let x = x.layout.pads(x.shape) && f(0) != 0 ? rowMajor(x) : x
    return mapFlat(x, grain: grain, f)
  }

  /// `f` of every element as a tensor of another type, in row-major order.
  @inline(__always)
  func mapRowMajor<A: Element, R: Element>(_ x: Tensor, _ f: (A) -> R) -> Tensor {
    mapFlat(rowMajor(x), grain: 16384, f)
  }

  @inline(__always)
  private func mapFlat<A: Element, R: Element>(
    _ x: Tensor, grain: Int, _ f: (A) -> R
  ) -> Tensor {
    let result = tensor(R.elementType, x.shape, layout: x.layout)
    x.withElements(as: A.self) { source in
      let target = result.address.bindMemory(to: R.self, capacity: source.count)
      parallel(source.count, grain: grain) { range in
        for index in range { target[index] = f(source[index]) }
      }
    }
    return result
  }

  /// `f` of the elements of both operands, stretched to one shape, keeping the layout of a
  /// convolution's result where that is possible without touching its padding.
  @inline(__always)
  func combine<E: ArithmeticElement>(
    _ a: Tensor, _ b: Tensor, _ f: (E, E) -> E
  ) throws(KernelError) -> Tensor {
    if a.layout == .rowMajor, b.layout == .rowMajor { return try combineRowMajor(a, b, f) }
    if a.shape == b.shape, a.layout == b.layout, !a.layout.pads(a.shape) || f(0, 0) == 0 {
      return combineFlat(a, b, f)
    }
    if let result: Tensor = combineOverPixels(a, b, f) { return result }
    if let result: Tensor = combineOverPixels(b, a, { f($1, $0) }) { return result }
    return try combineRowMajor(rowMajor(a), rowMajor(b), f)
  }

  @inline(__always)
  private func combineFlat<E: ArithmeticElement>(
    _ a: Tensor, _ b: Tensor, _ f: (E, E) -> E
  ) -> Tensor {
    let result = tensor(E.elementType, a.shape, layout: a.layout)
    a.withElements(as: E.self) { left in
      b.withElements(as: E.self) { right in
        let target = result.address.bindMemory(to: E.self, capacity: left.count)
        parallel(left.count) { range in
          for index in range { target[index] = f(left[index], right[index]) }
        }
      }
    }
    return result
  }

  /// `f` of a tensor whose channels lie innermost and of one number per sample and channel; nil
  /// where `y` is something else.
  @inline(__always)
  private func combineOverPixels<E: ArithmeticElement>(
    _ x: Tensor, _ y: Tensor, _ f: (E, E) -> E
  ) -> Tensor? {
    let block: Int
    switch x.layout {
    case .rowMajor: return nil
    case .channelsLast: block = x.shape[1]
    case .blockedChannels(let channels): block = channels
    }
    let filler: E = f(0, 0) == 0 ? 0 : 1
    guard let step = y.shape.stepsPerSampleAndChannel(of: x.shape),
      !x.layout.pads(x.shape) || f(0, filler) == 0
    else { return nil }
    let (batch, channels) = (x.shape[0], x.shape[1])
    let pixels = x.shape.dropFirst(2).reduce(1, *)
    let blocks = block == 0 ? 0 : (channels + block - 1) / block
    let perChannel = rowMajor(y).withElements(as: E.self) { source in
      (0..<batch * blocks * block).map { place in
        let (sample, channel) = (place / (blocks * block), place % (blocks * block))
        return channel < channels ? source[sample * step.sample + channel * step.channel] : filler
      }
    }
    let result = tensor(E.elementType, x.shape, layout: x.layout)
    x.withElements(as: E.self) { source in
      perChannel.withUnsafeBufferPointer { numbers in
        let target = result.address.bindMemory(to: E.self, capacity: source.count)
        parallel(batch * blocks, grain: max(1, 16384 / max(1, pixels * block))) { range in
          for row in range {
            for pixel in row * pixels..<(row + 1) * pixels {
              for lane in 0..<block {
                let place = pixel * block + lane
                target[place] = f(source[place], numbers[row * block + lane])
              }
            }
          }
        }
      }
    }
    return result
  }

  /// `f` of the elements of two row-major operands, stretched to one shape.
  @inline(__always)
  func combineRowMajor<A: Element, B: Element, R: Element>(
    _ a: Tensor, _ b: Tensor, _ f: (A, B) -> R
  ) throws(KernelError) -> Tensor {
    guard let shape = Shape.broadcast(a.shape, b.shape) else {
      throw KernelError("\(a.shape) and \(b.shape) do not broadcast")
    }
    let result = tensor(R.elementType, shape)
    let runs = BroadcastRuns(shape, [a.shape, b.shape])
    let (stepA, stepB) = (runs.innerStep[0], runs.innerStep[1])
    a.withElements(as: A.self) { left in
      b.withElements(as: B.self) { right in
        let target = result.address.bindMemory(to: R.self, capacity: shape.elementCount)
        parallel(runs.count) { range in
          runs.forEachRun(in: range) { position, count, place in
            let (first, second) = (place[0], place[1])
            if stepA == 1, stepB == 1 {
              for index in 0..<count {
                target[position + index] = f(left[first + index], right[second + index])
              }
            } else if stepA == 1 {
              let constant = right[second]
              for index in 0..<count { target[position + index] = f(left[first + index], constant) }
            } else {
              let constant = left[first]
              for index in 0..<count {
                target[position + index] = f(constant, right[second + index * stepB])
              }
            }
          }
        }
      }
    }
    return result
  }
}

extension Shape {
  /// Elements to skip in a row-major tensor of this shape for a step to the next sample and to the
  /// next channel of `shape`, if it stretches to `shape` and is one pixel wide; otherwise nil.
  fileprivate func stepsPerSampleAndChannel(of shape: Shape) -> (sample: Int, channel: Int)? {
    guard Shape.broadcast(self, shape) == shape else { return nil }
    let strides = stretchedStrides(to: shape)
    let spatial = strides.indices.dropFirst(2)
    guard spatial.allSatisfy({ strides[$0] == 0 || shape[$0] == 1 }) else { return nil }
    return (strides[0], strides[1])
  }
}
