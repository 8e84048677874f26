//! Pushes, one a line: the words behind `git`, and behind the arrow what is done beforehand.

pub(super) const TABLE: &str = r"
# One ref, forward, back, aside.
push origin main
push origin main:main
push origin refs/heads/main
push origin main:refs/heads/main
push origin HEAD
push origin @
push origin HEAD:new
push origin main:new
push origin main~1:new
push origin main~1:refs/heads/new
push origin main^{tree}:refs/heads/new
push origin main~3:main
push origin +main~3:main
push -f origin main~3:main
push origin apart~2:apart
push origin side:apart
push origin main:theirs
push -f origin main:theirs
push origin nothing
push origin main nothing side:
push origin main:a..b
push origin main side:main
push origin main main
push origin old:old
push origin light
push origin +light
push origin tag light
push origin tag v1
push origin tag
push origin v1 v2 tree
push origin v1:main
push origin tree:refs/heads/tree
push origin tree:refs/tags/side
push origin main:refs/notes/n refs/notes/commits
push origin main:refs/odd/x
push origin main:refs/x
push origin refs/remotes/origin/old:refs/heads/from-tracking
push origin origin/old:refs/heads/from-tracking
push origin main:origin/old
push origin main~1
push origin :
push origin +:
push origin : <- git reset -q --hard main~2
push origin +: <- git reset -q --hard main~2
push origin refs/heads/*:refs/heads/*
push origin +refs/heads/*:refs/copy/*
push origin refs/heads/s*:refs/heads/t*
push origin refs/heads/* ^refs/heads/apart
push origin : ^refs/heads/main
push origin ^refs/heads/main
push origin main side ^refs/heads/side
push origin v1 main:new ^refs/tags/v*
push origin main:theirs ^refs/heads/theirs
push origin :old ^refs/heads/old
push origin HEAD:refs/heads/new side:refs/heads/new2 ^refs/heads/new
push origin refs/heads/*:refs/copy/* ^refs/heads/apart
push origin refs/heads/*:refs/copy/* ^refs/copy/apart
push --prune origin refs/heads/*:refs/heads/* ^refs/heads/old
push --follow-tags origin main ^refs/heads/main
push origin main -- side
push -- origin main
push origin main:light
push origin main:refs/tags/main
push origin main:heads/main
push origin heads/main:heads/other
push origin tags/light:tags/other

# Deletions.
push origin :old
push origin :old :side
push origin :nothing
push origin :refs/heads/nothing
push origin -d old
push --delete origin old nothing
push -d origin refs/heads/old
push -d origin light
push origin :light main:light
push -d origin tag light
push -d origin tag
push -d origin main~1 a:b
push origin :main <- git -C ../there.git config receive.denyDeletes true
push --porcelain origin :old main <- git -C ../there.git config receive.denyDeletes true
push --porcelain origin :main side:refs/heads/new <- git -C ../there.git config receive.denyDeleteCurrent refuse
push --delete origin
push --delete origin a:b
push --delete --tags origin
push --delete --all origin main
push --delete --mirror origin main
push --mirror --delete --all origin
push --mirror --tags --delete --all origin

# How it is told.
push --porcelain origin main side light
push --porcelain origin main~3:main :old v1 side:apart
push --porcelain -v origin main side
push --porcelain -q origin main side
push --porcelain -n origin main~3:main :old v1
push -n origin main :old
push --dry-run -v origin main side
push -q origin main
push -q origin main~3:main v1
push -v origin main side
push -v -v origin side
push -q -v origin main side
push -v -q origin main side
push --porcelain --no-porcelain origin main
push --dry-run --no-dry-run origin main
push -f --no-force origin main~3:main
push --no-quiet -q --no-quiet origin main
push --progress --no-progress origin main
push --porcelain origin side
push origin side

# Many refs.
push --all origin
push --branches origin
push --all --force origin
push --all origin main
push --all --mirror origin
push --all --tags origin
push --tags origin
push --tags origin main
push --tags --force --porcelain origin
push --mirror --tags origin
push --mirror origin
push --mirror --porcelain origin
push --mirror -n origin
push --mirror origin main
push --mirror second
push --follow-tags origin main
push --follow-tags origin main~1:refs/heads/main
push --follow-tags -n --porcelain origin side
push --follow-tags --no-follow-tags origin main
-c push.followTags=true push origin main
-c push.followTags=true push --no-follow-tags origin main
push --follow-tags origin main ^refs/tags/v1
push --follow-tags origin ^refs/heads/apart
push --prune origin
push --prune origin refs/heads/*
push --prune --porcelain origin refs/heads/*:refs/heads/* refs/tags/*:refs/tags/*
push --prune -n origin refs/heads/*:refs/copy/* <- git push -q origin side:refs/copy/x main:refs/copy/main
push --prune --all origin
push --prune --no-prune --all origin
push --atomic origin main side:refs/heads/new
push --atomic origin main~3:main side:refs/heads/new
push --atomic --porcelain origin main~3:main side:refs/heads/new :old
push --atomic --no-atomic --porcelain origin main~3:main side:refs/heads/new
push --atomic origin main <- git -C ../there.git config receive.advertiseAtomic false
push --no-thin origin main
push --thin origin main

# Leases.
push --force-with-lease origin main~3:main
push --force-with-lease origin main~3:main side:apart
push --force-with-lease=main origin main~3:main side:apart
push --force-with-lease=main:main~1 origin main~3:main
push --force-with-lease=main:main~2 --porcelain origin main~3:main
push --force-with-lease=main: origin main
push --force-with-lease=new: origin main:new
push --force-with-lease=nothing --porcelain origin main
push --force-with-lease=main:nothing origin main
push --force-with-lease=refs/heads/main:main~1 origin main~3:main
push --force-with-lease --no-force-with-lease origin main~3:main
push --force-with-lease origin main:theirs
push --force-with-lease --force origin main:theirs
push --force-with-lease origin +main:theirs
push --force-with-lease --atomic --porcelain origin main:theirs main
push --force-with-lease --porcelain origin :theirs :old
push --force-with-lease second side:main
push --force-with-lease ../there.git main~3:main
push --force-with-lease origin main~3:main <- git -C ../there.git update-ref refs/heads/main side

# Leases that must be part of what is here.
push --force-with-lease --force-if-includes origin main~3:main
push --force-with-lease --force-if-includes --porcelain origin main:theirs <- git fetch -q
push --force-with-lease --force-if-includes --porcelain origin main:theirs <- git fetch -q && git branch -q theirs origin/theirs
push --force-with-lease --force-if-includes --porcelain origin apart:old side:apart :side
push --force-with-lease --force-if-includes --porcelain origin apart:old <- git branch -q old main~3
push --force-with-lease --force-if-includes --porcelain origin +apart:old
push --force-with-lease --force-if-includes --force --porcelain origin apart:old
push --force-with-lease --force-if-includes --porcelain origin :old
push --force-with-lease=old --force-if-includes --porcelain origin apart:old main
push --force-with-lease=old:main~4 --force-if-includes --porcelain origin apart:old
push --force-with-lease --force-if-includes --no-force-if-includes --porcelain origin apart:old
push --force-if-includes --porcelain origin apart:old main
push --force-with-lease --force-if-includes --atomic --porcelain origin apart:old main
push --force-with-lease --force-if-includes --porcelain --mirror origin
push --force-with-lease --force-if-includes --porcelain --all origin <- git fetch -q && git branch -q theirs && git branch -q old
push --force-with-lease --force-if-includes origin apart:main <- rm .git/logs/refs/heads/main
push --force-with-lease --force-if-includes origin apart:main <- git update-ref refs/remotes/origin/main apart && git -C ../there.git update-ref refs/heads/main apart~1
-c push.useForceIfIncludes=true push --force-with-lease --porcelain origin apart:old
-c push.useForceIfIncludes=true push --force-with-lease --no-force-if-includes --porcelain origin apart:old
-c push.useForceIfIncludes=true push --porcelain origin apart:old

# What the configuration says.
push
push origin
push second
push ../there.git
push nowhere
push ../nowhere.git main
push <- git checkout -q side
push <- git checkout -q --detach
push origin HEAD <- git checkout -q --detach
push origin HEAD:new <- git checkout -q --detach
push origin <- git config branch.main.merge refs/heads/other
-c push.default=nothing push
-c push.default=nothing push origin main
-c push.default=nothing push --tags
-c push.default=matching push
-c push.default=matching push --porcelain second
-c push.default=simple push
-c push.default=simple push second
-c push.default=simple push <- git config branch.main.merge refs/heads/other
-c push.default=upstream push
-c push.default=tracking push
-c push.default=upstream push second
-c push.default=upstream push <- git config branch.main.merge refs/heads/other
-c push.default=upstream push origin main <- git config branch.main.merge refs/heads/other
-c push.default=upstream push <- git checkout -q side
-c push.default=current push
-c push.default=current push second
-c push.default=current push <- git checkout -q side
-c push.default=current push <- git checkout -q --detach
-c push.default=bad push
-c push.default=bad push origin main
-c push.default=current push origin <- git checkout -q --orphan none
push origin <- git checkout -q --orphan none
push --porcelain <- git config remote.pushDefault second
push --porcelain <- git config branch.main.pushRemote second
push --porcelain <- git config branch.main.pushRemote origin && git config remote.pushDefault second
-c push.default=current push <- git config remote.pushDefault second && git checkout -q side
push --porcelain <- git config branch.main.remote second
push --porcelain <- git config remote.origin.push refs/heads/*:refs/copy/*
push --porcelain origin side <- git config remote.origin.push refs/heads/*:refs/copy/*
push --porcelain origin side:new <- git config remote.origin.push refs/heads/*:refs/copy/*
push --porcelain origin <- git config remote.origin.push HEAD && git checkout -q side
push --porcelain <- git config remote.origin.push +main~3:main && git config --add remote.origin.push side:new
push --porcelain --all <- git config remote.origin.push main
push --porcelain <- git config remote.origin.mirror true
push --porcelain origin main <- git config remote.origin.mirror true
push --porcelain --all <- git config remote.origin.mirror true
push origin side:new <- git config remote.origin.pushurl ../second.git
push origin side:new <- git config --add remote.origin.pushurl ../second.git && git config --add remote.origin.pushurl ../there.git
push --porcelain origin main <- git config --add remote.origin.url ../second.git
push origin main:new <- git config --add remote.origin.url ../nowhere.git
push origin main:new <- git config remote.origin.url ../nowhere.git && git config url.../there.git.insteadOf ../nowhere.git
push origin main:new <- git config url.../second.git.pushInsteadOf ../there.git
push origin main:new <- git config url.../second.git.pushInsteadOf ../there.git && git config remote.origin.pushurl ../there.git
push --repo=second --porcelain
push --repo=second origin --porcelain
push --repo second --no-repo --porcelain
push --receive-pack=false origin main
push --exec git-receive-pack origin main
push --receive-pack=false --no-receive-pack origin main
push origin main <- git config remote.origin.receivepack false
push -4 origin main
push -6 origin main
-c push.useBitmaps=false push origin main
-c push.negotiate=true push origin main
-c push.gpgSign=if-asked push origin main
-c push.gpgSign=true push origin main
push --signed origin main
push --signed --no-signed origin main
push --signed=if-asked origin main
push --recurse-submodules=check origin main
push --recurse-submodules=on-demand origin main
push --no-recurse-submodules origin main
-c push.recurseSubmodules=check push origin main
-c advice.pushUpdateRejected=false push origin main~3:main
-c advice.pushNonFFCurrent=false push origin main~3:main
-c advice.pushUnqualifiedRefName=false push origin main~1:new

# Options for the server.
push -o one origin main
push -o one --push-option=two origin main <- git -C ../there.git config receive.advertisePushOptions true
push -o one --no-push-option origin main
-c push.pushOption=one push origin main
-c push.pushOption=one -c push.pushOption= push origin main
-c push.pushOption=one push -o two --no-push-option origin main

# What branches follow.
push -u origin main
push -u origin side
push -u origin side:new apart:refs/heads/apart main~3:main
push -u --porcelain origin side:new
push -u -q origin side
push -u -v origin side
push -u -n origin side:new
push -u ../second.git apart
push -u second HEAD:refs/heads/other
push -u origin main~3:refs/heads/new v1
push -u origin :old
push -u --all origin
push -u --no-set-upstream origin side
push --set-upstream origin side <- git config branch.side.merge refs/heads/x && git config branch.side.remote second
push -u <- git checkout -q side
push -u origin <- git checkout -q side
-c push.autoSetupRemote=true push
-c push.autoSetupRemote=true push <- git checkout -q side
-c push.autoSetupRemote=true push second <- git checkout -q side
-c push.autoSetupRemote=true push origin side <- git checkout -q side
-c push.autoSetupRemote=true -c push.default=current push <- git checkout -q side
-c push.autoSetupRemote=true -c push.default=upstream push <- git checkout -q side
-c push.autoSetupRemote=true -c push.default=matching push <- git checkout -q side
-c push.autoSetupRemote=true -c push.default=current push <- git checkout -q side && git config remote.pushDefault second
-c push.autoSetupRemote=true push <- git checkout -q side && git config branch.side.remote second && git config branch.side.merge refs/heads/side

# Hooks and refusals over there.
push origin main v1 <- mkdir ../there.git/hooks && printf '#!/bin/sh\necho said; exit 1\n' >../there.git/hooks/pre-receive && chmod +x ../there.git/hooks/pre-receive
push --porcelain origin main v1 :old <- mkdir ../there.git/hooks && printf '#!/bin/sh\ncase $1 in *main) exit 1;; esac\n' >../there.git/hooks/update && chmod +x ../there.git/hooks/update
push --porcelain -f origin main~3:main v1 <- git -C ../there.git config receive.denyNonFastForwards true
push -u --porcelain origin main side:new <- mkdir ../there.git/hooks && printf '#!/bin/sh\ncase $1 in *main) exit 1;; esac\n' >../there.git/hooks/update && chmod +x ../there.git/hooks/update
push origin main <- mkdir .git/hooks && printf '#!/bin/sh\nexit 1\n' >.git/hooks/pre-push && chmod +x .git/hooks/pre-push
push --no-verify origin main <- mkdir .git/hooks && printf '#!/bin/sh\nexit 1\n' >.git/hooks/pre-push && chmod +x .git/hooks/pre-push
push --no-verify --verify origin main <- mkdir .git/hooks && printf '#!/bin/sh\nexit 1\n' >.git/hooks/pre-push && chmod +x .git/hooks/pre-push
";
